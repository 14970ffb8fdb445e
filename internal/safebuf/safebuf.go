// Package safebuf keeps what processes and goroutines write, for tests to look
// at.
package safebuf

import (
	"bytes"
	"sync"
)

// Buffer is safe for concurrent use. The zero value is empty.
type Buffer struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

// Write implements [io.Writer].
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// String returns all that was written so far.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// End returns the end of it, for a message.
func (b *Buffer) End() string {
	text := b.String()
	return text[max(0, len(text)-4096):]
}
