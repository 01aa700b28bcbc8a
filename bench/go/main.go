package main

import (
	_ "github.com/quic-go/quic-go"
	_ "golang.zx2c4.com/wireguard/device"
	_ "golang.zx2c4.com/wireguard/tun/netstack"
)

func main() {}
