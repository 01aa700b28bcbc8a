package main

import (
	"bufio"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/curve25519"
	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"
	"golang.zx2c4.com/wireguard/tun/netstack"
)

// tunnel is one device with its network stack, replaced whole by restart.
type tunnel struct {
	options   options
	publicKey string
	port      int

	lock   sync.Mutex
	device *device.Device
	tap    *tap
}

func openTunnel(o options) (*tunnel, error) {
	private, err := base64.StdEncoding.DecodeString(o.privateKey)
	if err != nil {
		return nil, fmt.Errorf("private key: %w", err)
	}
	public, err := curve25519.X25519(private, curve25519.Basepoint)
	if err != nil {
		return nil, fmt.Errorf("private key: %w", err)
	}
	t := &tunnel{options: o, publicKey: base64.StdEncoding.EncodeToString(public), port: o.listen}
	return t, t.open()
}

func (t *tunnel) open() error {
	stack, _, err := netstack.CreateNetTUN(t.options.addresses, nil, t.options.mtu)
	if err != nil {
		return err
	}
	// The device's own logger writes to standard output, which is for events.
	errors := log.New(os.Stderr, "wireguard-go: ", log.Lmicroseconds)
	logger := &device.Logger{Verbosef: device.DiscardLogf, Errorf: errors.Printf}
	tap := newTap(stack)
	d := device.NewDevice(tap, conn.NewDefaultBind(), logger)
	configuration, err := t.configuration()
	if err != nil {
		return err
	}
	if err := d.IpcSet(configuration); err != nil {
		return err
	}
	if err := d.Up(); err != nil {
		return err
	}
	t.lock.Lock()
	defer t.lock.Unlock()
	t.device, t.tap = d, tap
	return t.learnPort()
}

func (t *tunnel) learnPort() error {
	port, err := t.get("listen_port")
	if err != nil {
		return err
	}
	t.port, err = strconv.Atoi(port)
	return err
}

// restart forgets every session, as a rebooted machine does: same key, same port.
func (t *tunnel) restart() error {
	t.close()
	return t.open()
}

// rebind moves to another UDP port, with its sessions.
func (t *tunnel) rebind() error {
	t.lock.Lock()
	defer t.lock.Unlock()
	if err := t.device.IpcSet("listen_port=0\n"); err != nil {
		return err
	}
	return t.learnPort()
}

func (t *tunnel) close() {
	t.lock.Lock()
	defer t.lock.Unlock()
	t.device.Close()
}

func (t *tunnel) currentTap() *tap {
	t.lock.Lock()
	defer t.lock.Unlock()
	return t.tap
}

// sourceFor is the own inner address that a packet to this one leaves from.
func (t *tunnel) sourceFor(to netip.Addr) (netip.Addr, error) {
	for _, address := range t.options.addresses {
		if address.Is4() == to.Is4() {
			return address, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("no own address to reach %s from", to)
}

// lastHandshake is zero before the first one.
func (t *tunnel) lastHandshake() (time.Time, error) {
	t.lock.Lock()
	defer t.lock.Unlock()
	seconds, err := t.get("last_handshake_time_sec")
	if err != nil {
		return time.Time{}, err
	}
	nanoseconds, err := t.get("last_handshake_time_nsec")
	if err != nil {
		return time.Time{}, err
	}
	s, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return time.Time{}, err
	}
	ns, err := strconv.ParseInt(nanoseconds, 10, 64)
	if err != nil || s == 0 && ns == 0 {
		return time.Time{}, err
	}
	return time.Unix(s, ns), nil
}

// told is the whole answer to the configuration protocol's "get".
func (t *tunnel) told() (string, error) {
	t.lock.Lock()
	defer t.lock.Unlock()
	return t.device.IpcGet()
}

// get is one value of the device's configuration protocol; there is one peer, so each key occurs once.
func (t *tunnel) get(key string) (string, error) {
	all, err := t.device.IpcGet()
	if err != nil {
		return "", err
	}
	lines := bufio.NewScanner(strings.NewReader(all))
	for lines.Scan() {
		if name, value, found := strings.Cut(lines.Text(), "="); found && name == key {
			return value, nil
		}
	}
	return "", fmt.Errorf("the device does not tell %s", key)
}

func (t *tunnel) configuration() (string, error) {
	var out strings.Builder
	o := t.options
	keys := []struct{ name, value string }{
		{"private_key", o.privateKey}, {"public_key", o.peer}, {"preshared_key", o.presharedKey},
	}
	for i, key := range keys {
		if key.value == "" {
			continue
		}
		bytes, err := base64.StdEncoding.DecodeString(key.value)
		if err != nil {
			return "", fmt.Errorf("%s: %w", key.name, err)
		}
		fmt.Fprintf(&out, "%s=%s\n", key.name, hex.EncodeToString(bytes))
		if i == 0 {
			fmt.Fprintf(&out, "listen_port=%d\n", t.port)
		}
	}
	if o.endpoint != "" {
		fmt.Fprintf(&out, "endpoint=%s\n", o.endpoint)
	}
	fmt.Fprintf(&out, "persistent_keepalive_interval=%d\n", o.keepalive)
	for _, prefix := range o.allowedIPs {
		fmt.Fprintf(&out, "allowed_ip=%s\n", prefix)
	}
	return out.String(), nil
}
