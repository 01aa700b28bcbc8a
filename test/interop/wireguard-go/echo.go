package main

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

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
	socket, err := t.stack().DialPingAddr(netip.Addr{}, to)
	if err != nil {
		return err
	}
	defer socket.Close()
	request := icmp.Echo{Seq: c.Id & 0xffff, Data: make([]byte, c.Size)}
	if _, err := rand.Read(request.Data); err != nil {
		return err
	}
	var kind, replyKind icmp.Type = ipv4.ICMPTypeEcho, ipv4.ICMPTypeEchoReply
	protocol := 1
	if to.Is6() {
		kind, replyKind, protocol = ipv6.ICMPTypeEchoRequest, ipv6.ICMPTypeEchoReply, 58
	}
	packet, err := (&icmp.Message{Type: kind, Body: &request}).Marshal(nil)
	if err != nil {
		return err
	}
	if err := socket.SetReadDeadline(time.Now().Add(time.Duration(c.Timeout) * time.Millisecond)); err != nil {
		return err
	}
	if _, err := socket.Write(packet); err != nil {
		return err
	}
	buffer := make([]byte, 65536)
	n, err := socket.Read(buffer)
	if err != nil {
		return err
	}
	message, err := icmp.ParseMessage(protocol, buffer[:n])
	if err != nil {
		return err
	}
	reply, ok := message.Body.(*icmp.Echo)
	if !ok || message.Type != replyKind {
		return fmt.Errorf("not an echo reply: %v", message.Type)
	}
	if reply.Seq != request.Seq || !bytes.Equal(reply.Data, request.Data) {
		return fmt.Errorf("sequence %d, %d bytes came back for sequence %d, %d bytes", reply.Seq, len(reply.Data), request.Seq, len(request.Data))
	}
	return nil
}
