import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { BuildError } from '../build/error.mjs'
import { linkedCrates } from './crates.mjs'

/**
 * What the licences of the linked crates ask to be handed on: for each crate its licence and the text with its copyright.
 * A crate without ends the release.
 */
export function notices() {
  const crates = linkedCrates()
  const sections = new Map()
  for (const { name, version, license, repository, manifest_path } of crates) {
    const text = licenceTexts(dirname(manifest_path)) || standIn(name, license)
    const heading = `${name} ${version} (${license})${repository === null ? '' : `\n${repository}`}`
    sections.set(text, [...(sections.get(text) ?? []), heading])
  }
  const body = [...sections].map(([text, headings]) => `${RULE}\n${headings.join('\n')}\n\n${text}`)
  return [`${HEAD}\n`, ...body].join('\n')
}

/** A CycloneDX 1.6 list of what is linked, for tools that look for known faults. */
export function billOfMaterials({ name, version }) {
  const component = (type, kind, one) => ({
    type,
    name: one.name,
    version: one.version,
    purl: `pkg:${kind}/${one.name}@${one.version}`,
    'bom-ref': `pkg:${kind}/${one.name}@${one.version}`,
    ...(one.license ? { licenses: [{ expression: one.license.replaceAll('/', ' OR ') }] } : {}),
  })
  const crates = linkedCrates()
  const self = component('library', 'npm', { name, version, license: 'MIT OR Apache-2.0' })
  const document = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: self },
    components: crates.map((crate) => component('library', 'cargo', crate)),
    dependencies: [
      { ref: self['bom-ref'], dependsOn: crates.map((crate) => `pkg:cargo/${crate.name}@${crate.version}`) },
    ],
  }
  return `${JSON.stringify(document, undefined, 2)}\n`
}

function licenceTexts(folder) {
  const names = readdirSync(folder).filter((name) => /^(licen[cs]e|copying|notice|copyright)/i.test(name))
  return names
    .sort()
    .flatMap((name) => {
      try {
        return [readFileSync(join(folder, name), 'utf8').replaceAll('\r\n', '\n').trim()]
      } catch {
        return [] // a folder of that name
      }
    })
    .join('\n\n')
}

/** The text for a crate that was published without, where its source tells whose it is; the text is that of its licence. */
function standIn(name, license) {
  const holders = HOLDERS[name]
  if (holders === undefined) {
    throw new BuildError(`${name} (${license}) brings no text of its licence: put its holders into ${import.meta.url}`)
  }
  const text = readFileSync(new URL(`licences/${license}.txt`, import.meta.url), 'utf8').trim()
  return `${holders.map((holder) => `Copyright (c) ${holder}`).join('\n')}\n\n${text}`
}

/** From the sources of these crates, and the licence in their repositories. */
const HOLDERS = {
  boringtun: ['2019, 2025 Cloudflare, Inc. All rights reserved.'],
  napi: ['2020 LongYinan', '2018 GitHub'],
  'napi-sys': ['2020 LongYinan', '2018 GitHub'],
}

const RULE = '='.repeat(80)
const HEAD = `The native addon of warren has code of others in it, linked from these Rust crates. Each stays under its own licence.`
