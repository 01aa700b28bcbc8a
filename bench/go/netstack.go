package main

import (
	"crypto/ecdh"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"
	"golang.zx2c4.com/wireguard/tun/netstack"
)

// netstackEnd is a wireguard-go device that listens for the one that dials; that one has a device and a key of its own.
type netstackEnd struct {
	endpoint string
}

type netstackLink struct{ stack *netstack.Net }

func listenNetstack(host string, serve func(io.ReadWriter)) (end, error) {
	stack, port, err := openDevice("listener", "dialler", "")
	if err != nil {
		return nil, err
	}
	listener, err := stack.ListenTCP(&net.TCPAddr{IP: net.IP(inner["listener"].AsSlice()), Port: innerPort})
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			socket, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(socket)
		}
	}()
	return &netstackEnd{net.JoinHostPort(host, port)}, nil
}

func (e *netstackEnd) address() any {
	return e.endpoint
}

func (e *netstackEnd) dial(address json.RawMessage) (link, error) {
	var endpoint string
	if err := json.Unmarshal(address, &endpoint); err != nil {
		return nil, err
	}
	stack, _, err := openDevice("dialler", "listener", endpoint)
	return &netstackLink{stack}, err
}

func (l *netstackLink) open() (io.ReadWriter, error) {
	return l.stack.DialTCP(&net.TCPAddr{IP: net.IP(inner["listener"].AsSlice()), Port: innerPort})
}

func (l *netstackLink) close() {}

// openDevice gives the network behind the device, and the port that it listens on.
func openDevice(own, peer, endpoint string) (*netstack.Net, string, error) {
	tun, stack, err := netstack.CreateNetTUN([]netip.Addr{inner[own]}, nil, mtu)
	if err != nil {
		return nil, "", err
	}
	d := device.NewDevice(tun, conn.NewDefaultBind(), device.NewLogger(device.LogLevelSilent, ""))
	lines := []string{
		fmt.Sprintf("private_key=%x", privateKey(own).Bytes()),
		"listen_port=0",
		fmt.Sprintf("public_key=%x", privateKey(peer).PublicKey().Bytes()),
		fmt.Sprintf("allowed_ip=%s/32", inner[peer]),
	}
	if endpoint != "" {
		lines = append(lines, "endpoint="+endpoint)
	}
	if err := d.IpcSet(strings.Join(lines, "\n") + "\n"); err != nil {
		return nil, "", err
	}
	if err := d.Up(); err != nil {
		return nil, "", err
	}
	told, err := d.IpcGet()
	if err != nil {
		return nil, "", err
	}
	for line := range strings.Lines(told) {
		if port, found := strings.CutPrefix(strings.TrimSpace(line), "listen_port="); found {
			_, err := strconv.Atoi(port)
			return stack, port, err
		}
	}
	return nil, "", fmt.Errorf("the device does not tell its port")
}

// privateKey is the same in both processes, which so need no exchange of keys.
func privateKey(name string) *ecdh.PrivateKey {
	seed := sha256.Sum256([]byte("warren bench " + name))
	key, err := ecdh.X25519().NewPrivateKey(seed[:])
	if err != nil {
		panic(err) // any 32 bytes are a key
	}
	return key
}

var inner = map[string]netip.Addr{
	"listener": netip.MustParseAddr("10.77.0.1"),
	"dialler":  netip.MustParseAddr("10.77.0.2"),
}

const (
	innerPort = 7
	// That of wg-quick(8) over a link of 1,500 bytes.
	mtu = 1420
)
