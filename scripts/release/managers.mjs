import { join } from 'node:path'
import { withPackages } from './tools.mjs'

/** What users install with, pinned; each under a name of its own, since several are versions of one package. */
const TOOLS = {
  npm10: 'npm:npm@10.9.9',
  npm11: 'npm:npm@11.19.1',
  npm12: 'npm:npm@12.2.2',
  pnpm: '12.21.0',
  yarn1: 'npm:yarn@1.22.22',
  yarn4: 'npm:@yarnpkg/cli-dist@4.18.1',
  bun: 'npm:@oven/bun-linux-x64@1.4.4',
  deno: 'npm:@deno/linux-x64-glibc@2.9.6',
}

/** Each package manager, and each run time of its own, as the beginning of a command line. */
export function packageManagers() {
  const folder = withPackages('managers', TOOLS)
  const script = (path) => [process.execPath, join(folder, 'node_modules', path)]
  return {
    npm10: script('npm10/bin/npm-cli.js'),
    npm11: script('npm11/bin/npm-cli.js'),
    npm12: script('npm12/bin/npm-cli.js'),
    pnpm: script('pnpm/bin/pnpm.mjs'),
    yarn1: [...script('yarn1/bin/yarn.js'), '--non-interactive'],
    yarn4: script('yarn4/bin/yarn.js'),
    bun: [join(folder, 'node_modules/bun/bin/bun')],
    deno: [join(folder, 'node_modules/deno/deno')],
  }
}

/** Variables for all of them: the registry, and caches of this rehearsal's own, which leave the user's alone. */
export function managersEnvironment(registry, caches) {
  return {
    npm_config_registry: registry,
    npm_config_cache: join(caches, 'npm'),
    npm_config_store_dir: join(caches, 'pnpm'),
    pnpm_config_store_dir: join(caches, 'pnpm'),
    YARN_GLOBAL_FOLDER: join(caches, 'yarn4'),
    XDG_CACHE_HOME: join(caches, 'of-the-user'),
    YARN_ENABLE_TELEMETRY: '0',
    YARN_NPM_REGISTRY_SERVER: registry,
    YARN_UNSAFE_HTTP_WHITELIST: '127.0.0.1',
    // Yarn 4 and Deno refuse versions that are younger than a day, which everything rehearsed is.
    YARN_NPM_MINIMAL_AGE_GATE: '0',
    BUN_INSTALL_CACHE_DIR: join(caches, 'bun'),
    DENO_DIR: join(caches, 'deno'),
  }
}
