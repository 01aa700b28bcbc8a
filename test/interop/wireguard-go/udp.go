package main

import (
	"encoding/binary"
	"net/netip"
)

type datagram struct {
	from, to netip.AddrPort
	payload  []byte
}

func (d datagram) packet() ([]byte, error) {
	body := make([]byte, udpHeaderLength, udpHeaderLength+len(d.payload))
	binary.BigEndian.PutUint16(body[0:], d.from.Port())
	binary.BigEndian.PutUint16(body[2:], d.to.Port())
	binary.BigEndian.PutUint16(body[4:], uint16(udpHeaderLength+len(d.payload)))
	body = append(body, d.payload...)
	sum := checksum(pseudoHeader(ipMessage{d.from.Addr(), d.to.Addr(), protocolUDP, body}), body)
	if sum == 0 {
		sum = 0xffff // none, in RFC 768
	}
	binary.BigEndian.PutUint16(body[6:], sum)
	return ipPacket(d.from.Addr(), d.to.Addr(), protocolUDP, body)
}

// parseUDP reads a whole IP packet; what is no UDP, or has a wrong checksum, is not ok.
func parseUDP(packet []byte) (datagram, bool) {
	m, ok := parseIP(packet)
	if !ok || m.protocol != protocolUDP || len(m.body) < udpHeaderLength {
		return datagram{}, false
	}
	if int(binary.BigEndian.Uint16(m.body[4:])) != len(m.body) || checksum(pseudoHeader(m), m.body) != 0 {
		return datagram{}, false
	}
	from := netip.AddrPortFrom(m.from, binary.BigEndian.Uint16(m.body[0:]))
	to := netip.AddrPortFrom(m.to, binary.BigEndian.Uint16(m.body[2:]))
	return datagram{from, to, m.body[udpHeaderLength:]}, true
}

const udpHeaderLength = 8
