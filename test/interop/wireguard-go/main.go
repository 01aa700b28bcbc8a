// Command wireguard-go is one userspace WireGuard device of the reference implementation, driven by a test.
//
// It has one peer, answers ICMP echo on its inner addresses, takes commands as JSON lines on standard input and tells
// what happens as JSON lines on standard output. It ends when its standard input does.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"
)

func main() {
	options := parseOptions()
	tunnel, err := openTunnel(options)
	if err != nil {
		fail(err)
	}
	tell(event{Event: "ready", Port: tunnel.port, PublicKey: tunnel.publicKey})
	go reportHandshakes(func() (time.Time, error) { return tunnel.lastHandshake() })

	receivers := make(map[uint16]*receiver)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var c command
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			fail(fmt.Errorf("command %q: %w", lines.Text(), err))
		}
		answer := event{Event: c.Command, Id: c.Id}
		var err error
		switch c.Command {
		case "ping":
			go func() { tell(ping(tunnel, c)) }()
			continue
		case "send":
			go func() { tell(answer.after(send(tunnel, c.From, c.To, c.Packets, c.Size, c.patience()))) }()
			continue
		case "receive":
			receivers[c.At.Port()] = receive(tunnel, c.At)
		case "received":
			answer.Received = receivers[c.At.Port()].told()
		case "restart":
			err = tunnel.restart()
			answer.Port = tunnel.port
		case "rebind":
			err = tunnel.rebind()
			answer.Port = tunnel.port
		case "get":
			answer.Text, err = tunnel.told()
		default:
			fail(fmt.Errorf("unknown command %q", c.Command))
		}
		tell(answer.after(err))
	}
	tunnel.close()
}

// A command is "ping" (address, size, timeout), "send" (a stream: from, to, packets, size, timeout), "receive" (a stream:
// at), "received" (at), "restart", "rebind" or "get"; the event that answers it carries its id, and the reason if it failed.
type command struct {
	Command string         `json:"command"`
	Id      int            `json:"id"`
	Address string         `json:"address"`
	From    netip.AddrPort `json:"from"`
	To      netip.AddrPort `json:"to"`
	At      netip.AddrPort `json:"at"`
	Packets int            `json:"packets"`
	Size    int            `json:"size"`
	Timeout int            `json:"timeout"` // milliseconds
}

func (c command) patience() time.Duration {
	return time.Duration(c.Timeout) * time.Millisecond
}

type event struct {
	Event     string    `json:"event"` // ready, handshake, or the command's
	Id        int       `json:"id,omitempty"`
	Port      int       `json:"port,omitempty"`
	PublicKey string    `json:"publicKey,omitempty"`
	Ms        float64   `json:"ms,omitempty"`
	Text      string    `json:"text,omitempty"`
	Received  *received `json:"received,omitempty"`
	Reason    string    `json:"reason,omitempty"`
}

func (e event) after(err error) event {
	if err != nil {
		e.Reason = err.Error()
	}
	return e
}

type options struct {
	privateKey, peer, presharedKey, endpoint string
	listen, keepalive, mtu                   int
	addresses                                []netip.Addr
	allowedIPs                               []string
}

func parseOptions() options {
	var o options
	var addresses, allowedIPs string
	flag.StringVar(&o.privateKey, "private-key", "", "own private key, base64")
	flag.StringVar(&o.peer, "peer", "", "the peer's public key, base64")
	flag.StringVar(&o.presharedKey, "preshared-key", "", "base64")
	flag.StringVar(&o.endpoint, "endpoint", "", "where the peer is dialled, ip:port")
	flag.IntVar(&o.listen, "listen", 0, "UDP port")
	flag.IntVar(&o.keepalive, "keepalive", 0, "persistent keepalive, seconds")
	flag.IntVar(&o.mtu, "mtu", 1420, "inner MTU")
	flag.StringVar(&addresses, "addresses", "", "own inner addresses, separated by commas")
	flag.StringVar(&allowedIPs, "allowed-ips", "", "the peer's prefixes, separated by commas")
	flag.Parse()
	for _, text := range strings.Split(addresses, ",") {
		address, err := netip.ParseAddr(text)
		if err != nil {
			fail(err)
		}
		o.addresses = append(o.addresses, address)
	}
	o.allowedIPs = strings.Split(allowedIPs, ",")
	return o
}

// The device tells no handshakes, so its date of the last one is watched.
func reportHandshakes(last func() (time.Time, error)) {
	var known time.Time
	for range time.Tick(50 * time.Millisecond) {
		if at, err := last(); err == nil && !at.IsZero() && !at.Equal(known) {
			known = at
			tell(event{Event: "handshake"})
		}
	}
}

var output sync.Mutex

func tell(e event) {
	output.Lock()
	defer output.Unlock()
	if err := json.NewEncoder(os.Stdout).Encode(e); err != nil {
		os.Exit(1)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "wireguard-go:", err)
	os.Exit(1)
}
