package main

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

type echoReply struct {
	from     netip.Addr
	sequence uint16
	data     []byte
}

// ping sends one ICMP or ICMPv6 echo request through the tunnel and compares what comes back, byte for byte.
func ping(t *tunnel, c command) event {
	began := time.Now()
	if err := echo(t, c); err != nil {
		return event{Event: "lost", Id: c.Id, Reason: err.Error()}
	}
	return event{Event: "pong", Id: c.Id, Ms: float64(time.Since(began).Microseconds()) / 1000}
}

func echo(t *tunnel, c command) error {
	to, err := netip.ParseAddr(c.To)
	if err != nil {
		return err
	}
	from, err := t.sourceFor(to)
	if err != nil {
		return err
	}
	data := make([]byte, c.Size)
	if _, err := rand.Read(data); err != nil {
		return err
	}
	sequence := uint16(c.Id)
	request, err := echoRequest(from, to, sequence, data)
	if err != nil {
		return err
	}
	tap := t.currentTap()
	replies := make(chan echoReply, 1)
	defer tap.await(sequence, replies)()
	timeout := time.After(time.Duration(c.Timeout) * time.Millisecond)
	select {
	case tap.requests <- request:
	case <-tap.closed:
		return errors.New("the device was closed")
	case <-timeout:
		return errors.New("the device took nothing")
	}
	select {
	case reply := <-replies:
		if reply.from != to || !bytes.Equal(reply.data, data) {
			return fmt.Errorf("%d bytes came from %s for %d bytes to %s", len(reply.data), reply.from, len(data), to)
		}
		return nil
	case <-timeout:
		return errors.New("timeout")
	}
}

func echoRequest(from, to netip.Addr, sequence uint16, data []byte) ([]byte, error) {
	body := &icmp.Echo{ID: echoID, Seq: int(sequence), Data: data}
	if to.Is6() {
		pseudo := icmp.IPv6PseudoHeader(from.AsSlice(), to.AsSlice())
		message, err := (&icmp.Message{Type: ipv6.ICMPTypeEchoRequest, Body: body}).Marshal(pseudo)
		if err != nil {
			return nil, err
		}
		header := make([]byte, ipv6.HeaderLen)
		header[0] = 0x60
		binary.BigEndian.PutUint16(header[4:], uint16(len(message)))
		header[6], header[7] = protocolICMPv6, 64
		copy(header[8:], from.AsSlice())
		copy(header[24:], to.AsSlice())
		return append(header, message...), nil
	}
	message, err := (&icmp.Message{Type: ipv4.ICMPTypeEcho, Body: body}).Marshal(nil)
	if err != nil {
		return nil, err
	}
	header, err := (&ipv4.Header{
		Version: 4, Len: ipv4.HeaderLen, TotalLen: ipv4.HeaderLen + len(message), TTL: 64, Protocol: protocolICMP,
		Src: net.IP(from.AsSlice()), Dst: net.IP(to.AsSlice()),
	}).Marshal()
	if err != nil {
		return nil, err
	}
	binary.BigEndian.PutUint16(header[10:], checksum(header))
	return append(header, message...), nil
}

// parseEchoReply reads a whole IP packet; what is no reply to a request of ours, or has a wrong checksum, is not ok.
func parseEchoReply(packet []byte) (echoReply, bool) {
	var from netip.Addr
	var message, pseudo []byte
	switch {
	case len(packet) > ipv4.HeaderLen && packet[0] == 0x45 && packet[9] == protocolICMP && checksum(packet[:20]) == 0:
		from, message = netip.AddrFrom4([4]byte(packet[12:16])), packet[20:]
		if message[0] != 0 {
			return echoReply{}, false
		}
	case len(packet) > ipv6.HeaderLen && packet[0]>>4 == 6 && packet[6] == protocolICMPv6:
		from, message = netip.AddrFrom16([16]byte(packet[8:24])), packet[40:]
		pseudo = icmp.IPv6PseudoHeader(packet[8:24], packet[24:40])
		binary.BigEndian.PutUint32(pseudo[32:], uint32(len(message)))
		if message[0] != 129 {
			return echoReply{}, false
		}
	default:
		return echoReply{}, false
	}
	if len(message) < 8 || checksum(append(pseudo, message...)) != 0 || binary.BigEndian.Uint16(message[4:]) != echoID {
		return echoReply{}, false
	}
	return echoReply{from, binary.BigEndian.Uint16(message[6:]), append([]byte(nil), message[8:]...)}, true
}

// RFC 1071. Over what holds its own checksum: 0 when it is right.
func checksum(data []byte) uint16 {
	var sum uint32
	for i := 0; i < len(data); i += 2 {
		sum += uint32(data[i]) << 8
		if i+1 < len(data) {
			sum += uint32(data[i+1])
		}
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

const (
	protocolICMP   = 1
	protocolICMPv6 = 58
	// One process, one identifier: requests differ by their sequence numbers.
	echoID = 0x7767
)
