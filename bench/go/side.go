package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// end is what listens, and dials others of its kind.
type end interface {
	address() any
	dial(address json.RawMessage) (link, error)
}

// link is a connection to another end.
type link interface {
	open() (io.ReadWriter, error)
	close()
}

// side is this process: one side of what is measured.
type side struct {
	ends     []end
	channels []io.ReadWriter
	bytes    atomic.Int64
	pieces   atomic.Int64
	stopping atomic.Bool
	writers  sync.WaitGroup
}

func (s *side) answer(verb string, argument json.RawMessage) (any, error) {
	switch verb {
	case "open":
		return s.open(argument)
	case "dial":
		return nil, s.dial(argument)
	case "flow":
		return nil, s.flow(argument)
	case "stop":
		s.stop()
		return nil, nil
	case "count":
		return s.count()
	case "ping":
		return s.ping(argument)
	case "dials":
		return s.dials(argument)
	}
	return nil, fmt.Errorf("this program has no %q", verb)
}

func (s *side) open(argument json.RawMessage) (any, error) {
	var asked struct {
		Stack, Host, Role string
		Ends              int
	}
	if err := json.Unmarshal(argument, &asked); err != nil {
		return nil, err
	}
	serve := s.tally
	if asked.Role == "echo" {
		serve = func(channel io.ReadWriter) { _, _ = io.Copy(channel, channel) }
	}
	listen := listenQUIC
	if asked.Stack == "netstack" {
		listen = listenNetstack
	}
	var addresses []any
	for range asked.Ends {
		opened, err := listen(asked.Host, serve)
		if err != nil {
			return nil, err
		}
		s.ends = append(s.ends, opened)
		addresses = append(addresses, opened.address())
	}
	return addresses, nil
}

func (s *side) dial(argument json.RawMessage) error {
	var asked struct {
		Addresses []json.RawMessage
		Channels  int
	}
	if err := json.Unmarshal(argument, &asked); err != nil {
		return err
	}
	for _, address := range asked.Addresses {
		dialled, err := s.ends[0].dial(address)
		if err != nil {
			return err
		}
		for range asked.Channels {
			channel, err := dialled.open()
			if err != nil {
				return err
			}
			s.channels = append(s.channels, channel)
		}
	}
	return nil
}

func (s *side) flow(argument json.RawMessage) error {
	var asked struct{ Bytes int }
	if err := json.Unmarshal(argument, &asked); err != nil {
		return err
	}
	s.stopping.Store(false)
	for _, channel := range s.channels {
		s.writers.Add(1)
		go func() {
			defer s.writers.Done()
			chunk := make([]byte, asked.Bytes)
			for !s.stopping.Load() {
				if _, err := channel.Write(chunk); err != nil {
					return
				}
			}
		}()
	}
	return nil
}

func (s *side) stop() {
	s.stopping.Store(true)
	s.writers.Wait()
}

func (s *side) count() (any, error) {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return nil, err
	}
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return map[string]float64{
		"at":         time.Since(started).Seconds() * 1e3,
		"bytes":      float64(s.bytes.Load()),
		"objects":    float64(s.pieces.Load()),
		"cpuSeconds": seconds(used.Utime) + seconds(used.Stime),
	}, nil
}

func (s *side) ping(argument json.RawMessage) (any, error) {
	var asked struct {
		Ms    float64
		Bytes int
	}
	if err := json.Unmarshal(argument, &asked); err != nil {
		return nil, err
	}
	var times []float64
	for until := after(asked.Ms); time.Now().Before(until); {
		took, err := thereAndBack(s.channels[0], make([]byte, asked.Bytes))
		if err != nil {
			return nil, err
		}
		times = append(times, took)
	}
	return summed(times), nil
}

func (s *side) dials(argument json.RawMessage) (any, error) {
	var asked struct {
		Ms      float64
		Address json.RawMessage
	}
	if err := json.Unmarshal(argument, &asked); err != nil {
		return nil, err
	}
	var times []float64
	for until := after(asked.Ms); time.Now().Before(until); time.Sleep(pause) {
		began := time.Now()
		dialled, err := s.ends[0].dial(asked.Address)
		if err != nil {
			return nil, err
		}
		channel, err := dialled.open()
		if err != nil {
			return nil, err
		}
		if _, err := thereAndBack(channel, make([]byte, 1)); err != nil {
			return nil, err
		}
		times = append(times, time.Since(began).Seconds()*1e3)
		dialled.close()
	}
	return summed(times), nil
}

// tally counts what arrives.
func (s *side) tally(channel io.ReadWriter) {
	buffer := make([]byte, 256*1024)
	for {
		n, err := channel.Read(buffer)
		s.bytes.Add(int64(n))
		s.pieces.Add(1)
		if err != nil {
			return
		}
	}
}

// thereAndBack gives milliseconds.
func thereAndBack(channel io.ReadWriter, object []byte) (float64, error) {
	began := time.Now()
	if _, err := channel.Write(object); err != nil {
		return 0, err
	}
	_, err := io.ReadFull(channel, object)
	return time.Since(began).Seconds() * 1e3, err
}

func summed(times []float64) any {
	slices.Sort(times)
	at := func(share float64) float64 {
		if len(times) == 0 {
			return 0
		}
		return times[max(0, int(share*float64(len(times))+0.999999)-1)]
	}
	return map[string]float64{"p50": at(0.5), "p99": at(0.99), "count": float64(len(times))}
}

func after(ms float64) time.Time {
	return time.Now().Add(time.Duration(ms * float64(time.Millisecond)))
}

const pause = 2 * time.Millisecond

var started = time.Now()
