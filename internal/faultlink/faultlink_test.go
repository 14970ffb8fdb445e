package faultlink

import (
	"bufio"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestReadFrame(t *testing.T) {
	const protocol = "INFO {\"max_payload\":1}\r\nPING\r\nMSG a 1 3\r\nx\r\n\r\nHMSG b 2 reply 4 6\r\nabcdef\r\nPONG\r\n-ERR 'x'\r\n"
	r := bufio.NewReader(strings.NewReader(protocol))
	var messages []string
	var all strings.Builder
	for {
		frame, message, err := readFrame(r)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		all.Write(frame)
		if message {
			messages = append(messages, string(frame))
		}
	}
	if all.String() != protocol {
		t.Errorf("frames together = %q, want %q", all.String(), protocol)
	}
	if want := []string{"MSG a 1 3\r\nx\r\n\r\n", "HMSG b 2 reply 4 6\r\nabcdef\r\n"}; !slices.Equal(messages, want) {
		t.Errorf("messages = %q, want %q", messages, want)
	}
}
