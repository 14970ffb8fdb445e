package stream

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func TestOlder(t *testing.T) {
	for version, want := range map[string]bool{
		"2.14.0": false, "2.14.0-RC.1": false, "2.15.2": false, "3.0.0": false, "2.100.0": false,
		"2.13.9": true, "2.9.10": true, "1.99.99": true, "2.14": true, "": true, "x.y.z": true, "2.13.9-beta": true,
	} {
		if got := older(version, minServer); got != want {
			t.Errorf("older(%q) = %t, want %t", version, got, want)
		}
	}
}

// An old server would make a stream without what it does not know, which an
// operator had to remove again after the update: nothing is asked of it.
func TestProvisionAsksNothingOfAnOldServer(t *testing.T) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lis.Close() })
	asked := make(chan string, 100)
	go oldServer(lis, asked)
	nc, err := nats.Connect("nats://"+lis.Addr().String(), nats.NoReconnect())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	names, err := NewNames("")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Provision(t.Context(), js, Settings{Names: names})
	if err == nil || !strings.Contains(err.Error(), "nats-server 2.11.9") || !strings.Contains(err.Error(), minServer) {
		t.Errorf("Provision = %v, want both versions", err)
	}
	if err := nc.Flush(); err != nil { // what was sent before has arrived then
		t.Fatal(err)
	}
	if len(asked) > 0 {
		t.Errorf("the server was asked: %s", <-asked)
	}
}

// oldServer says so, answers pings on one connection, and tells what is
// published.
func oldServer(lis net.Listener, asked chan<- string) {
	conn, err := lis.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	fmt.Fprint(conn, "INFO {\"server_id\":\"old\",\"version\":\"2.11.9\",\"proto\":1,\"headers\":true,\"max_payload\":1048576,\"jetstream\":true}\r\n")
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		switch line := lines.Text(); {
		case line == "PING":
			fmt.Fprint(conn, "PONG\r\n")
		case strings.HasPrefix(line, "PUB "), strings.HasPrefix(line, "HPUB "):
			asked <- line
		}
	}
}
