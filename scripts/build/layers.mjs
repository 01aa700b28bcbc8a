// Draws a graph of rooms in floors: each room above all that it imports, and no arrow that follows from others.

/** An SVG of rooms, as `rooms()` gives them. The full list of imports is its description. */
export function picture(rooms) {
  const floors = inFloors(rooms)
  const edges = [...rooms.keys()].flatMap((room) => reduced(rooms, room).map((to) => [room, to]))
  const upward = [...rooms].flatMap(([room, { up }]) => up.map((to) => [to, room]))
  const ways = [...edges, ...upward].map(([from, to]) => wayThrough(floors, from, to))
  sortAcross(floors, ways)
  const places = placed(floors, ways)
  return draw(rooms, floors, places, ways, new Set(ways.slice(edges.length)))
}

/** Floors from the top down, each a list of rooms: a room stands just above the highest that it imports, and `lib` above `native`. */
function inFloors(rooms) {
  const heights = new Map()
  const highest = (names) => Math.max(-1, ...names.map(heightOf))
  const ofNative = [...rooms.keys()].filter((room) => rooms.get(room).band === 'native')
  function heightOf(room) {
    if (!heights.has(room)) {
      const { band, down } = rooms.get(room)
      heights.set(room, 1 + highest(band === 'lib' ? [...down, ...ofNative] : down))
    }
    return heights.get(room)
  }
  const floors = Array.from({ length: 1 + highest([...rooms.keys()]) }, () => [])
  for (const room of rooms.keys()) floors[floors.length - 1 - heightOf(room)].push(room)
  return floors
}

/** The imports of a room that do not follow from its others. */
function reduced(rooms, room) {
  const { down } = rooms.get(room)
  const reaches = (from, to) => rooms.get(from).down.some((next) => next === to || reaches(next, to))
  return down.filter((to) => !down.some((other) => other !== to && reaches(other, to)))
}

/** The stops of an arrow, one on each floor: on those between its ends, a point that keeps clear of the rooms there. */
function wayThrough(floors, from, to) {
  const [first, last] = [from, to].map((room) => floors.findIndex((floor) => floor.includes(room)))
  const way = [from]
  for (let floor = first + 1; floor < last; floor++) {
    const stop = `${from} → ${to} at ${floor}`
    floors[floor].push(stop)
    way.push(stop)
  }
  return [...way, to]
}

/** Sorts each floor by the middle of its neighbours, up and down in turn, and keeps the order with the fewest crossings. */
function sortAcross(floors, ways) {
  const { above, below } = neighbours(ways)
  let best = floors.map((floor) => [...floor])
  for (let round = 0; round < ROUNDS; round++) {
    const [order, near] = round % 2 === 0 ? [floors.keys(), above] : [[...floors.keys()].reverse(), below]
    for (const floor of order) {
      const ranks = new Map(
        floors.flatMap((rooms) => rooms.map((room, rank) => [room, (rank + 1) / (rooms.length + 1)])),
      )
      const middle = (room) => mean((near.get(room) ?? [room]).map((other) => ranks.get(other)))
      floors[floor].sort((a, b) => middle(a) - middle(b))
    }
    if (crossings(floors, ways) < crossings(best, ways)) best = floors.map((floor) => [...floor])
  }
  floors.splice(0, floors.length, ...best)
}

function neighbours(ways) {
  const [above, below] = [new Map(), new Map()]
  for (const [upper, lower] of ways.flatMap(steps)) {
    above.set(lower, [...(above.get(lower) ?? []), upper])
    below.set(upper, [...(below.get(upper) ?? []), lower])
  }
  return { above, below }
}

function steps(way) {
  return way.slice(1).map((stop, index) => [way[index], stop])
}

function crossings(floors, ways) {
  const ranks = new Map(floors.flatMap((rooms, floor) => rooms.map((room, rank) => [room, { floor, rank }])))
  const lines = ways.flatMap(steps).map(([upper, lower]) => [ranks.get(upper), ranks.get(lower)])
  let count = 0
  for (const [index, [upper, lower]] of lines.entries()) {
    for (const [otherUpper, otherLower] of lines.slice(0, index)) {
      const crosses = (upper.rank - otherUpper.rank) * (lower.rank - otherLower.rank) < 0
      if (upper.floor === otherUpper.floor && crosses) count += 1
    }
  }
  return count
}

/** The middle of each room and stop, from the left: as near to the middle of its neighbours as the others of its floor let it. */
function placed(floors, ways) {
  const { above, below } = neighbours(ways)
  const x = new Map()
  for (const floor of floors) {
    let edge = 0
    for (const room of floor) {
      x.set(room, edge + widthOf(room) / 2)
      edge += widthOf(room) + GAP
    }
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const floor of round % 2 === 0 ? floors : [...floors].reverse()) {
      const wanted = floor.map((room) =>
        mean([...(above.get(room) ?? []), ...(below.get(room) ?? []), room].map((other) => x.get(other))),
      )
      for (const [index, place] of spread(floor, wanted).entries()) x.set(floor[index], place)
    }
  }
  const left = Math.min(...[...x].map(([room, place]) => place - widthOf(room) / 2))
  return new Map([...x].map(([room, place]) => [room, Math.round(place - left) + MARGIN]))
}

/** Places in order, with room between them, as near to the wanted ones as that allows: those that press on each other share the way. */
function spread(floor, wanted) {
  const groups = []
  let offset = 0
  for (const [index, room] of floor.entries()) {
    if (index > 0) offset += (widthOf(floor[index - 1]) + widthOf(room)) / 2 + GAP
    groups.push({ sum: wanted[index] - offset, offsets: [offset] })
    while (groups.length > 1 && placeOf(groups.at(-2)) >= placeOf(groups.at(-1))) {
      const last = groups.pop()
      groups.at(-1).sum += last.sum
      groups.at(-1).offsets.push(...last.offsets)
    }
  }
  return groups.flatMap((group) => group.offsets.map((each) => placeOf(group) + each))
}

function placeOf({ sum, offsets }) {
  return sum / offsets.length
}

function draw(rooms, floors, places, ways, upward) {
  const floorOf = new Map(floors.flatMap((floor, index) => floor.map((room) => [room, index])))
  const y = (room) => MARGIN + floorOf.get(room) * STOREY
  const width = MARGIN + Math.max(...[...places].map(([room, place]) => place + widthOf(room) / 2))
  const height = 2 * MARGIN + (floors.length - 1) * STOREY + BOX
  const boxes = [...rooms].map(([room, { band }]) => {
    const [left, top] = [places.get(room) - widthOf(room) / 2, y(room)]
    const box = `<rect class="${band}" x="${left}" y="${top}" width="${widthOf(room)}" height="${BOX}" rx="5"/>`
    return `${box}<text x="${places.get(room)}" y="${top + BOX / 2 + 4.5}">${room}</text>`
  })
  const arrows = ways.map((way) => {
    const isUp = upward.has(way)
    const points = way.flatMap((stop, index) => {
      const [x, top] = [places.get(stop) + (isUp ? ASIDE : 0), y(stop)]
      if (!rooms.has(stop))
        return [
          [x, top],
          [x, top + BOX],
        ]
      return [[x, index === 0 ? top + BOX : top]]
    })
    const [x, end] = isUp ? points[0] : points.at(-1)
    const head = `<path class="head" d="M${x} ${end}l${HEAD / -2} ${isUp ? HEAD : -HEAD}h${HEAD}z"/>`
    return `<path${isUp ? ' class="up"' : ''} d="${curve(points)}"/>${head}`
  })
  const list = [...rooms].map(([room, { down, up }]) => {
    const used = [...down, ...up.map((other) => `${other} (up)`)]
    return `${room}: ${used.length > 0 ? used.join(', ') : 'nothing'}`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>Rooms of lib and native, each above the rooms that it imports</title>
<desc>Written by scripts/build/layers.mjs from the imports, by every build. An arrow that follows from others is left out.
${list.join('\n')}</desc>
<style>${STYLE}</style>
<rect class="paper" width="${width}" height="${height}"/>
<g class="arrows">
${arrows.join('\n')}
</g>
${boxes.join('\n')}
</svg>
`
}

/** A line through points that leaves and enters each floor upright. */
function curve([[x, y], ...rest]) {
  let path = `M${x} ${y}`
  let above = [x, y]
  for (const [nextX, nextY] of rest) {
    const half = (above[1] + nextY) / 2
    path += nextX === above[0] ? `V${nextY}` : `C${above[0]} ${half} ${nextX} ${half} ${nextX} ${nextY}`
    above = [nextX, nextY]
  }
  return path
}

function widthOf(stop) {
  return stop.includes(' ') ? STOP : Math.ceil(stop.length * LETTER) + 2 * PADDING
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Sweeps over all floors: more move these rooms by a few pixels. */
const ROUNDS = 48
/** Pixels. */
const [MARGIN, STOREY, BOX, GAP, STOP, LETTER, PADDING, HEAD, ASIDE] = [16, 58, 28, 18, 10, 8, 10, 7, 14]

const STYLE = [
  'text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;text-anchor:middle;fill:#1f2328}',
  '.paper{fill:#ffffff}.arrows path{fill:none;stroke:#59636e}.arrows .head{fill:#59636e;stroke:none}.up{stroke-dasharray:4 3}',
  '.lib{fill:#ddf4ff;stroke:#0969da}.native{fill:#fff1e5;stroke:#bc4c00}',
  '@media (prefers-color-scheme:dark){text{fill:#f0f6fc}.paper{fill:#0d1117}.arrows path{stroke:#9198a1}',
  '.arrows .head{fill:#9198a1}.lib{fill:#051d4d;stroke:#4493f8}.native{fill:#471700;stroke:#db6d28}}',
].join('')
