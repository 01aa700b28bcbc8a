// The ends of the benchmark that are written in Go: quic-go, and TCP of gVisor's netstack over wireguard-go.
//
// It answers the questions of bench/suite/questions.ts, a JSON text a line over the channel that Node gives its children.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strconv"
	"sync"
)

type question struct {
	ID       *int            `json:"id"`
	Verb     string          `json:"verb"`
	Argument json.RawMessage `json:"argument"`
}

type answer struct {
	ID    int    `json:"id"`
	Value any    `json:"value"`
	Error string `json:"error,omitempty"`
}

func main() {
	descriptor, err := strconv.Atoi(os.Getenv("NODE_CHANNEL_FD"))
	if err != nil {
		log.Fatal("it answers a benchmark, and nobody asks")
	}
	channel := os.NewFile(uintptr(descriptor), "channel")
	var lock sync.Mutex
	var side side
	lines := bufio.NewScanner(channel)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var asked question
		if json.Unmarshal(lines.Bytes(), &asked) != nil || asked.ID == nil {
			continue // of Node itself
		}
		go func() {
			told := answer{ID: *asked.ID}
			if value, err := side.answer(asked.Verb, asked.Argument); err != nil {
				told.Error = err.Error()
			} else {
				told.Value = value
			}
			text, _ := json.Marshal(told)
			lock.Lock()
			defer lock.Unlock()
			fmt.Fprintf(channel, "%s\n", text)
		}()
	}
}
