import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../build/root.mjs'

/** Where the project lives, which npm's page shows and provenance is checked against. Filled at the first release. */
const WHEREABOUTS = ['repository', 'bugs', 'homepage', 'author']

/**
 * A version for one rehearsal of a release: before the version that is rehearsed, and unlike that of any other rehearsal or of
 * anything released, so that no cache takes the one for the other.
 */
export function rehearsalVersion(version, now = new Date()) {
  const second = now.toISOString().slice(0, 19).replace(/\D/g, '')
  return `${version.replace(/-.*/, '')}-${REHEARSAL}.${second}`
}

const REHEARSAL = 'rehearsal'

/** The files of this checkout that say which release it is. */
export function releaseFiles() {
  const text = (path) => readFileSync(join(root, path), 'utf8')
  return { manifest: JSON.parse(text('package.json')), cargo: text('Cargo.toml'), changelog: text('CHANGELOG.md') }
}

/** What keeps these files from being released under a tag: sentences, none where all is there. */
export function unready({ manifest, cargo, changelog }, tag) {
  const { version } = manifest
  const cargoVersion = /^\[workspace\.package\]\nversion = "(.+)"$/m.exec(cargo)?.[1]
  return [
    [tag !== `v${version}`, `the tag is ${tag}, and package.json has version ${version}`],
    [version.includes(`-${REHEARSAL}`), `${version} is the version of a rehearsal`],
    [cargoVersion !== version, `Cargo.toml has version ${cargoVersion}, and package.json ${version}`],
    [notesOf(changelog, version) === '', `CHANGELOG.md has no section [${version}], or an empty one`],
    ...WHEREABOUTS.map((key) => [!manifest[key], `package.json has no "${key}": see RELEASING.md, "Once"`]),
  ].flatMap(([wrong, sentence]) => (wrong ? [sentence] : []))
}

/** The section of one version in the CHANGELOG, without its heading. */
export function notesOf(changelog, version) {
  const [, ...sections] = changelog.split(/^## \[/m)
  const section = sections.find((text) => text.startsWith(`${version}]`)) ?? ''
  return section.slice(section.indexOf('\n') + 1).trim()
}
