package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"sync"
	"time"
)

// A stream is numbered datagrams in a closed loop, as stream.mjs describes it: this is its other implementation.

// receiver is one end: it compares every byte with what was sent, and acknowledges.
type receiver struct {
	lock                      sync.Mutex
	seen                      []bool
	arrived, doubled, altered int
	highest, probe, sinceAck  uint32
	acknowledge               chan struct{}
	from                      netip.AddrPort
	tunnel                    *tunnel
	at                        netip.AddrPort
}

func receive(t *tunnel, at netip.AddrPort) *receiver {
	r := &receiver{tunnel: t, at: at, acknowledge: make(chan struct{}, 1)}
	t.currentTap().listen(at.Port(), r.take)
	go r.acknowledgeAll()
	return r
}

// take must not wait: it is called by whoever opens packets.
func (r *receiver) take(d datagram) {
	if len(d.payload) < streamHeaderLength || d.to != r.at {
		return
	}
	r.lock.Lock()
	defer r.lock.Unlock()
	r.from = d.from
	number := binary.BigEndian.Uint32(d.payload[4:])
	switch d.payload[0] {
	case streamData:
		r.count(number, d.payload)
		r.sinceAck++
	case streamProbe:
		r.probe = max(r.probe, number)
		r.sinceAck = acknowledgeAfter
	}
	if r.sinceAck >= acknowledgeAfter {
		r.sinceAck = 0
		select {
		case r.acknowledge <- struct{}{}:
		default:
		}
	}
}

func (r *receiver) count(number uint32, payload []byte) {
	if !bytes.Equal(payload[streamHeaderLength:], pattern(number, len(payload))) {
		r.altered++
		return
	}
	for int(number) >= len(r.seen) {
		r.seen = append(r.seen, make([]bool, len(r.seen)+1024)...)
	}
	if r.seen[number] {
		r.doubled++
		return
	}
	r.seen[number] = true
	r.arrived++
	r.highest = max(r.highest, number+1)
}

func (r *receiver) acknowledgeAll() {
	tap := r.tunnel.currentTap()
	for {
		select {
		case <-r.acknowledge:
		case <-tap.closed:
			return
		}
		payload := make([]byte, 12)
		payload[0] = streamAck
		r.lock.Lock()
		binary.BigEndian.PutUint32(payload[4:], r.highest)
		binary.BigEndian.PutUint32(payload[8:], r.probe)
		to := r.from
		r.lock.Unlock()
		if tap.send(datagram{r.at, to, payload}) != nil {
			return
		}
	}
}

func (r *receiver) told() *received {
	r.lock.Lock()
	defer r.lock.Unlock()
	return &received{r.arrived, r.doubled, r.altered}
}

type received struct {
	Arrived int `json:"arrived"`
	Doubled int `json:"doubled"`
	Altered int `json:"altered"`
}

// send is the other end: it ends when each datagram has arrived or is lost.
func send(t *tunnel, from, to netip.AddrPort, packets, size int, patience time.Duration) error {
	tap := t.currentTap()
	acks := make(chan [2]uint32, 64)
	defer tap.listen(from.Port(), func(d datagram) {
		if len(d.payload) == 12 && d.payload[0] == streamAck {
			select {
			case acks <- [2]uint32{binary.BigEndian.Uint32(d.payload[4:]), binary.BigEndian.Uint32(d.payload[8:])}:
			default: // a later one says more
			}
		}
	})()
	var next, settled, probe, probedAt uint32
	heard := time.Now()
	for settled < uint32(packets) {
		for next < uint32(packets) && next-settled < streamWindow {
			payload := make([]byte, streamHeaderLength, size)
			payload[0] = streamData
			binary.BigEndian.PutUint32(payload[4:], next)
			if err := tap.send(datagram{from, to, append(payload, pattern(next, size)...)}); err != nil {
				return err
			}
			next++
		}
		select {
		case ack := <-acks:
			heard = time.Now()
			settled = max(settled, ack[0])
			if probe != 0 && ack[1] == probe {
				settled = max(settled, probedAt)
			}
		case <-time.After(stalled):
			if time.Since(heard) > patience {
				return errors.New("the other end fell silent")
			}
			probe, probedAt = probe+1, next
			payload := make([]byte, streamHeaderLength)
			payload[0] = streamProbe
			binary.BigEndian.PutUint32(payload[4:], probe)
			if err := tap.send(datagram{from, to, payload}); err != nil {
				return err
			}
		}
	}
	return nil
}

// pattern is the body of a datagram of this size: another piece of the same noise for each number.
func pattern(number uint32, size int) []byte {
	start := int(number * 257 % noiseLength)
	return noise[start : start+size-streamHeaderLength]
}

var noise = func() []byte {
	table, state := make([]byte, noiseLength+2048), uint32(0x7772)
	for i := range table {
		state ^= state << 13
		state ^= state >> 17
		state ^= state << 5
		table[i] = byte(state)
	}
	return table
}()

const (
	streamData, streamProbe, streamAck = 1, 2, 3
	streamHeaderLength                 = 8
	streamWindow                       = 64
	acknowledgeAfter                   = 16
	stalled                            = 50 * time.Millisecond
	noiseLength                        = 65536
)
