package main

import (
	"encoding/binary"
	"net"
	"net/netip"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// ipPacket puts a header of IPv4 or IPv6 before the message.
func ipPacket(from, to netip.Addr, protocol int, message []byte) ([]byte, error) {
	if to.Is6() {
		header := make([]byte, ipv6.HeaderLen, ipv6.HeaderLen+len(message))
		header[0] = 0x60
		binary.BigEndian.PutUint16(header[4:], uint16(len(message)))
		header[6], header[7] = byte(protocol), 64
		copy(header[8:], from.AsSlice())
		copy(header[24:], to.AsSlice())
		return append(header, message...), nil
	}
	header, err := (&ipv4.Header{
		Version: 4, Len: ipv4.HeaderLen, TotalLen: ipv4.HeaderLen + len(message), TTL: 64, Protocol: protocol,
		Src: net.IP(from.AsSlice()), Dst: net.IP(to.AsSlice()),
	}).Marshal()
	if err != nil {
		return nil, err
	}
	binary.BigEndian.PutUint16(header[10:], checksum(header))
	return append(header, message...), nil
}

type ipMessage struct {
	from, to netip.Addr
	protocol int
	body     []byte
}

// parseIP reads a packet without options and extensions; a wrong checksum of its header is not ok.
func parseIP(packet []byte) (ipMessage, bool) {
	switch {
	case len(packet) > ipv4.HeaderLen && packet[0] == 0x45 && checksum(packet[:ipv4.HeaderLen]) == 0:
		from, to := netip.AddrFrom4([4]byte(packet[12:16])), netip.AddrFrom4([4]byte(packet[16:20]))
		return ipMessage{from, to, int(packet[9]), packet[ipv4.HeaderLen:]}, true
	case len(packet) > ipv6.HeaderLen && packet[0]>>4 == 6:
		from, to := netip.AddrFrom16([16]byte(packet[8:24])), netip.AddrFrom16([16]byte(packet[24:40]))
		return ipMessage{from, to, int(packet[6]), packet[ipv6.HeaderLen:]}, true
	}
	return ipMessage{}, false
}

// pseudoHeader is what checksums cover besides the message: RFC 768, RFC 8200 section 8.1.
func pseudoHeader(m ipMessage) []byte {
	if m.to.Is6() {
		pseudo := icmp.IPv6PseudoHeader(m.from.AsSlice(), m.to.AsSlice())
		binary.BigEndian.PutUint32(pseudo[32:], uint32(len(m.body)))
		pseudo[39] = byte(m.protocol)
		return pseudo
	}
	pseudo := append(m.from.AsSlice(), m.to.AsSlice()...)
	pseudo = append(pseudo, 0, byte(m.protocol))
	return binary.BigEndian.AppendUint16(pseudo, uint16(len(m.body)))
}

// checksum is that of RFC 1071. Over what holds its own: 0 when it is right. Each part but the last has an even length.
func checksum(parts ...[]byte) uint16 {
	var sum uint32
	for _, part := range parts {
		for i := 0; i < len(part); i += 2 {
			sum += uint32(part[i]) << 8
			if i+1 < len(part) {
				sum += uint32(part[i+1])
			}
		}
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

const (
	protocolICMP   = 1
	protocolUDP    = 17
	protocolICMPv6 = 58
)
