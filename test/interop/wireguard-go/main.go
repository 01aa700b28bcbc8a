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

	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var command command
		if err := json.Unmarshal(lines.Bytes(), &command); err != nil {
			fail(fmt.Errorf("command %q: %w", lines.Text(), err))
		}
		switch command.Command {
		case "ping":
			go func() { tell(ping(tunnel, command)) }()
		case "restart":
			if err := tunnel.restart(); err != nil {
				fail(err)
			}
			tell(event{Event: "restarted", Id: command.Id, Port: tunnel.port})
		default:
			fail(fmt.Errorf("unknown command %q", command.Command))
		}
	}
	tunnel.close()
}

// A command is "ping" (to, size, timeout) or "restart"; the event that answers it carries its id.
type command struct {
	Command string `json:"command"`
	Id      int    `json:"id"`
	To      string `json:"to"`
	Size    int    `json:"size"`
	Timeout int    `json:"timeout"` // milliseconds
}

type event struct {
	Event     string  `json:"event"` // ready, handshake, restarted, pong, lost
	Id        int     `json:"id,omitempty"`
	Port      int     `json:"port,omitempty"`
	PublicKey string  `json:"publicKey,omitempty"`
	Ms        float64 `json:"ms,omitempty"`
	Reason    string  `json:"reason,omitempty"`
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
