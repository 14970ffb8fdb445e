//go:build unix

package subscriber

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"pgregory.net/rapid"

	"github.com/seed-4e8dee1b/revoked/internal/acttest"
	"github.com/seed-4e8dee1b/revoked/internal/denylist"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

const fileStream = "REVOKED_EVENTS"

// startFile starts a subscriber with a local file, as a process does.
func startFile(t *testing.T, src *fakeSource, path string) *world {
	t.Helper()
	v := viewWithoutBeats(zerolog.Nop())
	b := begin{deny: denylist.New(), maxActs: defaultMaxActs}
	f, err := openFile(path, fileStream)
	if err != nil {
		t.Fatal(err)
	}
	b.file = f
	switch head, err := f.load(b.deny); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		v.fileUnusable(err)
	default:
		b.at = head.Position.position()
		v.fileLoaded(head, b.deny.Len())
	}
	w := &world{T: t, src: src, s: start(src, v, b)}
	t.Cleanup(func() { w.s.Close() })
	synctest.Wait()
	return w
}

// A process goes on where the one before was: it knows the acts at once, reads
// only what came after, and is fresh only by a tick.
func TestStartFromALocalFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "acts")
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		w := startFile(t, src, path)
		w.tick()
		w.send(w.storeAct(session("kept")))
		w.pass(3 * time.Second)
		last := w.s.Status().LastSequence
		w.s.Close()
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, %v, want 0600", info.Mode(), err)
		}
		w.sleep(10 * time.Minute)
		w.storeAct(session("missed"))
		src.requests()
		src.next(lost)

		w = startFile(t, src, path)
		w.wantRevoked("kept")
		w.wantStale("other")
		if st := w.wantState(Stale); st.Reason != ReasonNoTick || !strings.Contains(st.Detail, "as of 10m0s ago") || st.Acts != 1 {
			t.Errorf("%s: %s with %d acts, want to be told how old the one act is", st.Reason, st.Detail, st.Acts)
		}
		w.sleep(retryMin)
		w.wantRevoked("missed")
		w.tick()
		w.wantAccepted("other")
		if got := src.requests(); len(got) == 0 || got[0] != last+1 {
			t.Errorf("asked from %v, want from %d on", got, last+1)
		}
	})
}

// A stream that was restored or made anew while no process ran is noticed by
// the file, and so is a change that was noticed before and is not accepted yet.
func TestLocalFileTellsAnotherHistory(t *testing.T) {
	for _, change := range []string{"rolled back", "wiped"} {
		path := filepath.Join(t.TempDir(), "acts")
		synctest.Test(t, func(t *testing.T) {
			src := newFakeSource()
			w := startFile(t, src, path)
			w.pass(3 * time.Second)
			w.send(w.storeAct(session("old")))
			w.tick()
			w.s.Close()
			if change == "wiped" {
				src.wipe()
			} else {
				src.rollBack(2)
			}
			w.sleep(time.Second)
			for range 10 {
				w.storeTick()
			}
			for range 2 { // the second process knows it from the first
				w = startFile(t, src, path)
				w.tick()
				w.wantHistory("")
				w.wantRevoked("old")
				w.s.Close()
			}
			w = startFile(t, src, path)
			w.send(w.accept(0))
			w.tick()
			w.wantAccepted("other")
			w.wantRevoked("old")
		})
	}
}

// What could not be read is not in the file: the next process meets it again.
func TestLocalFileDoesNotHideAnUnreadableAct(t *testing.T) {
	path := filepath.Join(t.TempDir(), "acts")
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		w := startFile(t, src, path)
		w.send(w.storeRaw(laterAct(revocation.NewActID(), 42, 1, time.Now().Add(time.Hour).Unix())))
		w.tick()
		w.s.Close()
		w = startFile(t, src, path)
		w.tick()
		if st := w.wantState(Stale); st.Reason != ReasonIncomplete {
			t.Errorf("%s: %s, want incomplete", st.Reason, st.Detail)
		}
	})
}

// save writes a file with the given acts and returns its bytes.
func saveFile(t testing.TB, path, stream string, acts ...revocation.Act) []byte {
	t.Helper()
	f, err := openFile(path, stream)
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	deny := denylist.New()
	for _, a := range acts {
		deny.Apply(a)
	}
	if err := f.save(fileHead{AsOf: time.Now()}, deny.All()); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Not one changed, missing or added byte is taken for a file.
func TestTornFilesAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "acts")
	whole := saveFile(t, path, fileStream, session("a"), session("b"))
	refused := func(b []byte, why string) {
		t.Helper()
		head, _, err := parseFile(b, fileStream)
		if !errors.Is(err, errFileTorn) && !errors.Is(err, errFileVersion) || head != (fileHead{}) {
			t.Fatalf("%s: %+v, %v, want an error and nothing else", why, head, err)
		}
	}
	for i := range whole {
		refused(whole[:i], fmt.Sprintf("first %d bytes", i))
		changed := bytes.Clone(whole)
		changed[i] ^= 0x40
		refused(changed, fmt.Sprintf("byte %d changed", i))
	}
	refused(append(bytes.Clone(whole), 'x'), "a byte added")
	refused(append(bytes.Clone(whole), whole...), "twice")
}

func TestFilesThatAreNotOurs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "acts")
	whole := string(saveFile(t, path, fileStream, session("a")))
	for _, c := range []struct {
		name, content string
		stream        string
		want          error
	}{
		{"newer version", strings.Replace(whole, "acts 1\n", "acts 2\n", 1), fileStream, errFileVersion},
		{"older version", strings.Replace(whole, "acts 1\n", "acts 0\n", 1), fileStream, errFileVersion},
		{"other stream", whole, "STAGING_EVENTS", errFileForeign},
		{"something else", "#!/bin/sh\n", fileStream, errFileTorn},
		{"empty", "", fileStream, errFileTorn},
		{"ours", whole, fileStream, nil},
	} {
		if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := openFile(path, c.stream)
		if err != nil {
			t.Fatal(err)
		}
		deny := denylist.New()
		if _, err := f.load(deny); !errors.Is(err, c.want) || (err == nil) != (deny.Len() == 1) {
			t.Errorf("%s: %v with %d acts, want %v", c.name, err, deny.Len(), c.want)
		}
		f.close()
	}
}

// What everybody may write is no knowledge, and is replaced by a file that only
// we may write. A link in the place of the next file is not followed.
func TestFileOfEverybody(t *testing.T) {
	dir := t.TempDir()
	path, victim := filepath.Join(dir, "acts"), filepath.Join(dir, "victim")
	saveFile(t, path, fileStream, session("a"))
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	f, err := openFile(path, fileStream)
	if err != nil {
		t.Fatal(err)
	}
	deny := denylist.New()
	if _, err := f.load(deny); !errors.Is(err, errFileOpen) || deny.Len() > 0 {
		t.Errorf("a file that everybody may write: %v with %d acts, want errFileOpen and none", err, deny.Len())
	}
	f.close()
	if err := errors.Join(os.WriteFile(victim, []byte("precious"), 0o666), os.Symlink(victim, path+".new")); err != nil {
		t.Fatal(err)
	}
	saveFile(t, path, fileStream, session("a"))
	if text, err := os.ReadFile(victim); string(text) != "precious" || err != nil {
		t.Errorf("the file behind the link is %q, %v", text, err)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("the new file is %v, %v, want one of mode 0600", info, err)
	}
}

// A file makes the same set again: the same answers, whatever follows.
func TestFileKeepsTheSet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "acts")
	rapid.Check(t, func(rt *rapid.T) {
		first, second := denylist.New(), denylist.New()
		for _, a := range acttest.History().Draw(rt, "before") {
			first.Apply(a)
		}
		f, err := openFile(path, fileStream)
		if err != nil {
			t.Fatal(err)
		}
		defer f.close()
		if err := f.save(fileHead{}, first.All()); err != nil {
			t.Fatal(err)
		}
		if _, err := f.load(second); err != nil {
			t.Fatal(err)
		}
		for _, a := range acttest.History().Draw(rt, "after") {
			first.Apply(a)
			second.Apply(a)
		}
		tok, now := acttest.Token().Draw(rt, "token"), acttest.Now().Draw(rt, "now")
		if got, want := len(second.FindAll(&tok, now)), len(first.FindAll(&tok, now)); got != want {
			rt.Errorf("%d acts refuse %+v, want %d", got, tok, want)
		}
	})
}

func FuzzParseFile(f *testing.F) {
	f.Add(saveFile(f, filepath.Join(f.TempDir(), "acts"), fileStream, session("a")))
	f.Fuzz(func(t *testing.T, b []byte) {
		head, records, err := parseFile(b, fileStream)
		if err != nil {
			if head != (fileHead{}) || records != nil {
				t.Fatalf("%+v, %x with %v", head, records, err)
			}
			return
		}
		if acts, err := parseRecords(records, head.Acts); err != nil && acts != nil {
			t.Fatalf("%v with %v", acts, err)
		}
	})
}

func FuzzParseRecords(f *testing.F) {
	f.Add([]byte{1, 0}, 1)
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		acts, err := parseRecords(b, min(n, 100))
		for _, a := range acts {
			if a.Validate() != nil || err != nil {
				t.Fatalf("%+v with %v", a, err)
			}
		}
	})
}

// childOf runs the calling test again in a process of its own.
func childOf(t *testing.T, path string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), "REVOKED_TEST_CHILD="+path)
	return cmd
}

// Two processes on one file would each think it theirs: the second is refused,
// until the first has ended, however that came.
func TestTwoProcessesOnOneFile(t *testing.T) {
	if path := os.Getenv("REVOKED_TEST_CHILD"); path != "" {
		f, err := openFile(path, fileStream)
		fmt.Println("child:", f != nil, err)
		if err == nil {
			time.Sleep(time.Hour) // until it is killed
		}
		return
	}
	path := filepath.Join(t.TempDir(), "acts")
	f, err := openFile(path, fileStream)
	if err != nil {
		t.Fatal(err)
	}
	out, err := childOf(t, path).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "child: false "+path+" is in use by another process") {
		t.Errorf("second process: %v\n%s", err, out)
	}
	f.close()
	holder := childOf(t, path)
	stdout, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	var said []byte
	for !strings.Contains(string(said), "child: true") {
		buf := make([]byte, 256)
		n, err := stdout.Read(buf)
		if said = append(said, buf[:n]...); err != nil {
			t.Fatalf("%v: %s", err, said)
		}
	}
	if f, err := openFile(path, fileStream); err == nil {
		f.close()
		t.Error("opened a file that a running process has locked")
	}
	holder.Process.Kill()
	holder.Wait()
	f, err = openFile(path, fileStream)
	if err != nil {
		t.Fatalf("after the process was killed: %v", err)
	}
	f.close()
}

// A disk that is full leaves the file before, whole, and nothing beside it. The
// limit on the size of files stands in for the disk: the write fails in the
// middle as there.
func TestDiskFull(t *testing.T) {
	if path := os.Getenv("REVOKED_TEST_CHILD"); path != "" {
		signal.Ignore(syscall.SIGXFSZ)
		f, err := openFile(path, fileStream)
		if err != nil {
			t.Fatal(err)
		}
		defer f.close()
		deny := denylist.New()
		for i := range 1000 {
			deny.Apply(session(fmt.Sprint(i)))
		}
		limit := syscall.Rlimit{Cur: 16 << 10, Max: 16 << 10}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
		fmt.Println("child:", f.save(fileHead{}, deny.All()))
		return
	}
	path := filepath.Join(t.TempDir(), "acts")
	before := saveFile(t, path, fileStream, session("a"))
	out, err := childOf(t, path).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "child: write "+path+".new: file too large") {
		t.Fatalf("%v\n%s", err, out)
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file before was changed, %v", err)
	}
	if _, err := os.Stat(path + ".new"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was half written is still there: %v", err)
	}
}

// A failure to write is counted and told, and the next success ends it.
func TestFileFailuresAreTold(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "acts")
	synctest.Test(t, func(t *testing.T) {
		w := startFile(t, newFakeSource(), path)
		w.send(w.storeAct(session("a")))
		w.tick()
		if err := os.MkdirAll(path+".new/x", 0o700); err != nil { // in the way
			t.Fatal(err)
		}
		w.pass(2 * filePeriod)
		if st := w.s.Status().File; st.Err == nil || st.Failed == 0 || !st.SavedAt.IsZero() {
			t.Errorf("%+v, want failures", st)
		}
		if err := os.RemoveAll(path + ".new"); err != nil {
			t.Fatal(err)
		}
		w.pass(2 * filePeriod)
		if st := w.s.Status().File; st.Err != nil || st.SavedAt.IsZero() {
			t.Errorf("%+v, want it saved", st)
		}
	})
}
