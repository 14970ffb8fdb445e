package subscriber

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/denylist"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

const (
	// fileTitle and fileVersion begin every file.
	fileTitle   = "revoked acts "
	fileVersion = 1

	// filePeriod is how often the file is written while acts come in, and
	// fileRenewal while none do: what lies at the last message is then still
	// stored, so that a start needs no replay of everything. Writing takes at
	// most a fiftieth of the time.
	filePeriod  = 5 * time.Second
	fileRenewal = 10 * time.Minute
	fileShare   = 50
)

var (
	errFileTorn    = errors.New("its checksum is wrong: it was not written to its end, or was changed")
	errFileVersion = errors.New("it was written by another version")
	errFileForeign = errors.New("it is of another stream")
	errFileOpen    = errors.New("everybody may write it")
)

// localFile keeps the acts on disk, for a start without NATS, or without a
// replay of everything. It is written whole, beside the one before, and put in
// its place: whatever happens in between, there is one that is whole.
type localFile struct {
	path   string
	stream string // whose acts it keeps
	lock   *os.File
}

// fileHead is the second line of the file.
type fileHead struct {
	Stream   string
	Acts     int
	AsOf     time.Time // server time up to which the acts are complete
	Position filePosition
	BeatOf   string
	BeatAt   time.Time
}

// filePosition is a [position] in JSON.
type filePosition struct {
	Mark     fileMark
	Known    time.Time
	Epoch    string
	Lost     *fileLost `json:",omitempty"`
	Accepted revocation.Acceptance
}

type fileMark struct {
	Sequence uint64
	Sum      string // hexadecimal
	At       time.Time
	Expires  time.Time
}

type fileLost struct {
	Reason string
	Mark   fileMark
	At     time.Time
	Final  bool
}

// openFile locks the file. It need not exist.
func openFile(path, stream string) (*localFile, error) {
	lock, err := lockFile(path)
	if err != nil {
		return nil, err
	}
	return &localFile{path: path, stream: stream, lock: lock}, nil
}

func (f *localFile) close() { f.lock.Close() }

// load applies what the file holds to deny. The error wraps fs.ErrNotExist if
// there is no file, or one of the errors above; then nothing was applied.
func (f *localFile) load(deny *denylist.Denylist) (fileHead, error) {
	b, err := readOwn(f.path)
	if err != nil {
		return fileHead{}, err
	}
	head, records, err := parseFile(b, f.stream)
	if err != nil {
		return fileHead{}, err
	}
	acts, err := parseRecords(records, head.Acts)
	if err != nil {
		return fileHead{}, err
	}
	deny.Reserve(len(acts))
	for _, a := range acts {
		deny.Apply(a)
	}
	return head, nil
}

// readOwn reads a file that others can't have written. The checksum is no secret:
// whoever may write the file could make the node believe that it knows
// everything up to the end of the stream.
func readOwn(path string) ([]byte, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return nil, err
	}
	if writableByAll(info) {
		return nil, errFileOpen
	}
	return io.ReadAll(in)
}

// parseFile checks the whole file and returns its head and its records.
func parseFile(b []byte, stream string) (fileHead, []byte, error) {
	title, rest, ok := bytes.Cut(b, []byte("\n"))
	if !ok || !bytes.HasPrefix(title, []byte(fileTitle)) {
		return fileHead{}, nil, fmt.Errorf("%w (no title)", errFileTorn)
	}
	if version := string(title[len(fileTitle):]); version != fmt.Sprint(fileVersion) {
		return fileHead{}, nil, fmt.Errorf("%w: %q, this is %d", errFileVersion, version, fileVersion)
	}
	if len(rest) < sha256.Size {
		return fileHead{}, nil, errFileTorn
	}
	body, sum := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if want := sha256.Sum256(body); !bytes.Equal(want[:], sum) {
		return fileHead{}, nil, errFileTorn
	}
	line, records, _ := bytes.Cut(rest[:len(rest)-sha256.Size], []byte("\n"))
	var head fileHead
	if err := json.Unmarshal(line, &head); err != nil {
		return fileHead{}, nil, fmt.Errorf("%w: %w", errFileTorn, err)
	}
	if head.Stream != stream {
		return fileHead{}, nil, fmt.Errorf("%w: %s, not %s", errFileForeign, head.Stream, stream)
	}
	return head, records, nil
}

// parseRecords returns the copies of acts that make the same set again.
func parseRecords(b []byte, n int) ([]revocation.Act, error) {
	var acts []revocation.Act
	for range n {
		size, used := binary.Uvarint(b)
		if used <= 0 || size > uint64(len(b)-used) {
			return nil, fmt.Errorf("%w (a record is too long)", errFileTorn)
		}
		m, err := revocation.Decode(b[used : used+int(size)])
		if err != nil || len(m.Acts) == 0 || len(m.Unread) > 0 {
			return nil, fmt.Errorf("%w (a record is no act)", errFileTorn)
		}
		acts = append(acts, m.Acts...)
		b = b[used+int(size):]
	}
	if len(b) > 0 {
		return nil, fmt.Errorf("%w (more than its acts)", errFileTorn)
	}
	return acts, nil
}

// save writes the file: acts must hold at least all up to head's position.
func (f *localFile) save(head fileHead, acts iter.Seq2[revocation.Act, int64]) (err error) {
	var records bytes.Buffer
	head.Stream, head.Acts = f.stream, 0
	for a, keep := range acts {
		m := revocation.Message{Acts: []revocation.Act{a}}
		if keep > a.ExpiresAt || a.State != revocation.StateOpen {
			// The copy that the act hides, and must go on to hide.
			hidden := a
			hidden.State, hidden.ExpiresAt = revocation.StateOpen, keep
			m.Acts = append(m.Acts, hidden)
		}
		record := m.Encode()
		records.Write(binary.AppendUvarint(nil, uint64(len(record))))
		records.Write(record)
		head.Acts++
	}
	line, err := json.Marshal(head)
	if err != nil {
		return err
	}
	next := f.path + ".new" // the lock is ours, so that nobody else writes it
	// What a crash has left goes first: what is there may be a link to another
	// file, or a file that somebody else owns.
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	out, err := os.OpenFile(next, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(next)
		}
	}()
	err = errors.Join(writeFile(out, line, records.Bytes()), out.Close())
	if err == nil {
		err = os.Rename(next, f.path)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(f.path))
}

func writeFile(out *os.File, line, records []byte) error {
	sum := sha256.New()
	w := bufio.NewWriter(io.MultiWriter(out, sum))
	fmt.Fprintf(w, "%s%d\n%s\n", fileTitle, fileVersion, line)
	_, _ = w.Write(records)
	if err := w.Flush(); err != nil { // keeps the first error
		return err
	}
	if _, err := out.Write(sum.Sum(nil)); err != nil {
		return err
	}
	return out.Sync()
}

// keepFile saves what the view knows until ctx ends, and once more then.
func (s *Subscriber) keepFile(ctx context.Context, f *localFile) {
	defer f.close()
	var saved struct {
		at   time.Time
		acts uint64
	}
	again := time.NewTimer(filePeriod)
	defer again.Stop()
	for {
		last := false
		select {
		case <-ctx.Done():
			last = true
		case <-again.C:
		}
		begun := time.Now()
		head, acts, ok := s.fileHead()
		if ok && (last || acts != saved.acts || begun.Sub(saved.at) >= fileRenewal) {
			err := f.save(head, s.deny.All())
			s.view.fileSaved(err, begun)
			if err == nil {
				saved.at, saved.acts = begun, acts
			}
		}
		if last {
			return
		}
		again.Reset(max(filePeriod, fileShare*time.Since(begun)))
	}
}

// fileHead returns what is to be saved, and the number of copies applied; ok
// is false before the view was complete for the first time.
func (s *Subscriber) fileHead() (head fileHead, acts uint64, ok bool) {
	at := s.position.Load()
	if at == nil {
		return fileHead{}, 0, false
	}
	v := s.view
	v.mu.Lock()
	defer v.mu.Unlock()
	head = fileHead{Position: filePositionOf(*at), BeatOf: v.beatOf, BeatAt: v.beatAt, AsOf: v.knownOf}
	if p := v.fresh.Load(); p != nil {
		head.AsOf = p.asOf
	}
	if len(v.unread) > 0 || v.full {
		// The file can't keep what could not be read: it is to be met again.
		head.Position.Mark = fileMark{}
	}
	return head, v.counters.Acts, true
}

func filePositionOf(p position) filePosition {
	f := filePosition{Mark: fileMarkOf(p.mark), Known: p.known, Epoch: p.epoch, Accepted: p.accepted}
	if p.lost != nil {
		f.Lost = &fileLost{p.lost.reason, fileMarkOf(p.lost.mark), p.lost.at, p.lost.final}
	}
	return f
}

func fileMarkOf(m mark) fileMark {
	if !m.read { // nothing to recognize it by for sure
		return fileMark{}
	}
	return fileMark{m.sequence, hex.EncodeToString(m.sum[:]), m.at, m.expires}
}

func (f filePosition) position() position {
	p := position{mark: f.Mark.mark(), known: f.Known, epoch: f.Epoch, accepted: f.Accepted}
	if f.Lost != nil {
		p.lost = &lostHistory{f.Lost.Reason, f.Lost.Mark.mark(), f.Lost.At, f.Lost.Final}
	}
	return p
}

func (f fileMark) mark() mark {
	m := mark{sequence: f.Sequence, read: true, at: f.At, expires: f.Expires}
	sum, err := hex.DecodeString(f.Sum)
	if f.Sequence == 0 || err != nil || len(sum) != len(m.sum) {
		return mark{}
	}
	copy(m.sum[:], sum)
	return m
}
