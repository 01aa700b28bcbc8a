package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"math/big"
	"time"

	"github.com/quic-go/quic-go"
)

type quicEnd struct {
	listener *quic.Listener
	tls      *tls.Config
}

type quicLink struct{ connection *quic.Conn }

func listenQUIC(host string, serve func(io.ReadWriter)) (end, error) {
	config, err := selfSigned()
	if err != nil {
		return nil, err
	}
	listener, err := quic.ListenAddr(host+":0", config, options())
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			connection, err := listener.Accept(context.Background())
			if err != nil {
				return
			}
			go serveStreams(connection, serve)
		}
	}()
	return &quicEnd{listener, config}, nil
}

func serveStreams(connection *quic.Conn, serve func(io.ReadWriter)) {
	for {
		stream, err := connection.AcceptStream(context.Background())
		if err != nil {
			return
		}
		go serve(stream)
	}
}

func (e *quicEnd) address() any {
	return e.listener.Addr().String()
}

func (e *quicEnd) dial(address json.RawMessage) (link, error) {
	var to string
	if err := json.Unmarshal(address, &to); err != nil {
		return nil, err
	}
	connection, err := quic.DialAddr(context.Background(), to, e.tls, options())
	return &quicLink{connection}, err
}

func (l *quicLink) open() (io.ReadWriter, error) {
	return l.connection.OpenStreamSync(context.Background())
}

func (l *quicLink) close() {
	_ = l.connection.CloseWithError(0, "")
}

// options keep a connection that waits for its turn. Windows are quic-go's own, which grow to 6 and 15 MiB.
func options() *quic.Config {
	return &quic.Config{MaxIncomingStreams: 10_000, MaxIdleTimeout: time.Hour}
}

// selfSigned proves a key at both ends. Whose it is is not asked, as nobody asks warren's.
func selfSigned() (*tls.Config, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		Certificates:       []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: key}},
		ClientAuth:         tls.RequireAnyClientCert,
		InsecureSkipVerify: true,
		NextProtos:         []string{"bench/1"},
	}, nil
}
