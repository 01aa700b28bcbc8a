import { FrameReader, urgentHeader } from '../../priority/transports/frames.js'
import type { Channel, Kind } from './stack.js'

/** A channel of that kind over one of bytes: objects go as frames with their length before them. */
export function framed(kind: Kind, bytes: Channel): Channel {
  if (kind === 'stream') return bytes
  return {
    write: (object) => bytes.write(Buffer.concat([urgentHeader(object), object])),
    read(take) {
      const frames = new FrameReader({ urgent: take, bulk: () => undefined })
      bytes.read((chunk) => frames.push(chunk))
    },
  }
}
