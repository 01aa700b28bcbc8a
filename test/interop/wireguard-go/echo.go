package main

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
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
	err := echo(t, c)
	pong := event{Event: c.Command, Id: c.Id, Ms: float64(time.Since(began).Microseconds()) / 1000}
	return pong.after(err)
}

func echo(t *tunnel, c command) error {
	to, err := netip.ParseAddr(c.Address)
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
	timeout := time.After(c.patience())
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
		return ipPacket(from, to, protocolICMPv6, message)
	}
	message, err := (&icmp.Message{Type: ipv4.ICMPTypeEcho, Body: body}).Marshal(nil)
	if err != nil {
		return nil, err
	}
	return ipPacket(from, to, protocolICMP, message)
}

// parseEchoReply reads a whole IP packet; what is no reply to a request of ours, or has a wrong checksum, is not ok.
func parseEchoReply(packet []byte) (echoReply, bool) {
	m, ok := parseIP(packet)
	var pseudo []byte
	switch {
	case !ok || len(m.body) < 8:
		return echoReply{}, false
	case m.protocol == protocolICMP && m.body[0] == 0:
	case m.protocol == protocolICMPv6 && m.body[0] == 129:
		pseudo = pseudoHeader(m)
	default:
		return echoReply{}, false
	}
	if checksum(pseudo, m.body) != 0 || binary.BigEndian.Uint16(m.body[4:]) != echoID {
		return echoReply{}, false
	}
	return echoReply{m.from, binary.BigEndian.Uint16(m.body[6:]), append([]byte(nil), m.body[8:]...)}, true
}

// One process, one identifier: requests differ by their sequence numbers.
const echoID = 0x7767
