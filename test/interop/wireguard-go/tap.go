package main

import (
	"os"
	"sync"

	"golang.zx2c4.com/wireguard/tun"
)

// tap stands between the device and its network stack, which answers echo requests by itself. It puts requests of its own
// into the tunnel and takes out their replies: the stack's own ping socket misses a reply that is faster than its Read.
// So it does with the datagrams of streams, since the stack drops what finds the buffer of a socket full.
type tap struct {
	tun.Device
	fromStack chan []byte
	requests  chan []byte
	closed    chan struct{}
	close     sync.Once

	lock    sync.Mutex
	replies map[uint16]chan<- echoReply
	ports   map[uint16]func(datagram)
}

func newTap(stack tun.Device) *tap {
	t := &tap{
		Device:    stack,
		fromStack: make(chan []byte),
		requests:  make(chan []byte),
		closed:    make(chan struct{}),
		replies:   make(map[uint16]chan<- echoReply),
		ports:     make(map[uint16]func(datagram)),
	}
	go t.pump()
	return t
}

// Read gives the device what is to be sealed.
func (t *tap) Read(buffers [][]byte, sizes []int, offset int) (int, error) {
	var packet []byte
	select {
	case packet = <-t.fromStack:
	case packet = <-t.requests:
	case <-t.closed:
		return 0, os.ErrClosed
	}
	sizes[0] = copy(buffers[0][offset:], packet)
	return 1, nil
}

// Write takes what the device has opened.
func (t *tap) Write(buffers [][]byte, offset int) (int, error) {
	for _, buffer := range buffers {
		if reply, ok := parseEchoReply(buffer[offset:]); ok && t.settle(reply) {
			continue
		}
		if datagram, ok := parseUDP(buffer[offset:]); ok && t.hand(datagram) {
			continue
		}
		if _, err := t.Device.Write([][]byte{buffer}, offset); err != nil {
			return 0, err
		}
	}
	return len(buffers), nil
}

func (t *tap) Close() error {
	t.close.Do(func() { close(t.closed) })
	return t.Device.Close()
}

// await has the reply with this sequence number sent to the channel, until the returned function is called.
func (t *tap) await(sequence uint16, reply chan<- echoReply) func() {
	t.lock.Lock()
	defer t.lock.Unlock()
	t.replies[sequence] = reply
	return func() {
		t.lock.Lock()
		defer t.lock.Unlock()
		delete(t.replies, sequence)
	}
}

func (t *tap) settle(reply echoReply) bool {
	t.lock.Lock()
	defer t.lock.Unlock()
	waiting, ok := t.replies[reply.sequence]
	if ok {
		delete(t.replies, reply.sequence)
		waiting <- reply
	}
	return ok
}

// listen has the datagrams to a port handed over, until the returned function is called.
func (t *tap) listen(port uint16, take func(datagram)) func() {
	t.lock.Lock()
	defer t.lock.Unlock()
	t.ports[port] = take
	return func() {
		t.lock.Lock()
		defer t.lock.Unlock()
		delete(t.ports, port)
	}
}

func (t *tap) hand(d datagram) bool {
	t.lock.Lock()
	take, ok := t.ports[d.to.Port()]
	t.lock.Unlock()
	if ok {
		take(d)
	}
	return ok
}

// send waits until the device takes the datagram.
func (t *tap) send(d datagram) error {
	packet, err := d.packet()
	if err != nil {
		return err
	}
	select {
	case t.requests <- packet:
		return nil
	case <-t.closed:
		return os.ErrClosed
	}
}

func (t *tap) pump() {
	buffers, sizes := [][]byte{make([]byte, 65536)}, []int{0}
	for {
		if _, err := t.Device.Read(buffers, sizes, 0); err != nil {
			return
		}
		packet := append([]byte(nil), buffers[0][:sizes[0]]...)
		select {
		case t.fromStack <- packet:
		case <-t.closed:
			return
		}
	}
}
