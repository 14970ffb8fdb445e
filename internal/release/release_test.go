package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var testDate = time.Date(2026, time.November, 24, 9, 0, 0, 0, time.UTC)

// The test binary stands in for a released one: it answers version and --help
// as FAKE says.
func TestMain(m *testing.M) {
	if says := os.Getenv("FAKE"); says != "" {
		fmt.Println(says)
		return
	}
	m.Run()
}

// put writes a file and the directories above it.
func put(at, text string, mode os.FileMode) error {
	return errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, []byte(text), mode))
}

// Owner, mode and times of the files of a build do not get into archives.
func TestArchivesAreTheSame(t *testing.T) {
	at := time.Unix(1_700_000_000, 0).UTC()
	for _, format := range []struct {
		name   string
		write  func(string, []entry) error
		unpack func(string, string) error
	}{
		{"tar.gz", func(to string, e []entry) error { return writeArchive(to, writeTarGz, e, at) }, untar},
		{"zip", func(to string, e []entry) error { return writeArchive(to, writeZip, e, at) }, unzip},
	} {
		t.Run(format.name, func(t *testing.T) {
			var made [2][]byte
			for i, mode := range []os.FileMode{0o600, 0o755} {
				dir := t.TempDir()
				from := filepath.Join(dir, "file")
				if err := put(from, "text", mode); err != nil {
					t.Fatal(err)
				}
				when := time.Unix(int64(i)*1000, 0)
				if err := os.Chtimes(from, when, when); err != nil {
					t.Fatal(err)
				}
				to := filepath.Join(dir, "archive")
				if err := format.write(to, []entry{{name: "a/run", from: from, mode: 0o755}, {name: "a/b/read", from: from, mode: 0o644}}); err != nil {
					t.Fatal(err)
				}
				var err error
				if made[i], err = os.ReadFile(to); err != nil {
					t.Fatal(err)
				}
				if err := format.unpack(to, dir); err != nil {
					t.Fatal(err)
				}
				for name, want := range map[string]os.FileMode{"a/run": 0o755, "a/b/read": 0o644} {
					text, err := os.ReadFile(filepath.Join(dir, name))
					info, statErr := os.Stat(filepath.Join(dir, name))
					if err != nil || statErr != nil || string(text) != "text" || info.Mode().Perm() != want {
						t.Errorf("%s unpacked is %q %v (%v), want %q %v", name, text, info, err, "text", want)
					}
				}
			}
			if !bytes.Equal(made[0], made[1]) {
				t.Error("two archives of the same files differ")
			}
		})
	}
}

func TestEntriesStayBelow(t *testing.T) {
	for _, name := range []string{"../out", "/etc/out", "a/../../out", "a//b", ""} {
		if at, err := place(t.TempDir(), name); err == nil {
			t.Errorf("entry %q is put at %s, want an error", name, at)
		}
	}
}

func TestCheckComparesEverything(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(dir string) error
		want  string
	}{
		{"a byte is changed", func(dir string) error { return put(filepath.Join(dir, "a.zip"), "B", 0o644) }, "a.zip has the SHA-256"},
		{"a file is added", func(dir string) error { return put(filepath.Join(dir, "c.zip"), "c", 0o644) }, "c.zip is not in checksums.txt"},
		{"a file is gone", func(dir string) error { return os.Remove(filepath.Join(dir, "b.zip")) }, "b.zip is in checksums.txt and not there"},
		{"no checksums", func(dir string) error { return os.Remove(filepath.Join(dir, checksumFile)) }, "no such file"},
		{"a name that leads away", func(dir string) error {
			return put(filepath.Join(dir, checksumFile), strings.Repeat("0", 64)+"  ../x\n", 0o644)
		}, "is not a line of sha256sum"},
		{"nothing is wrong but no archive", func(string) error { return nil }, "0 archives for linux/amd64"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := errors.Join(put(filepath.Join(dir, "a.zip"), "a", 0o644), put(filepath.Join(dir, "b.zip"), "b", 0o644)); err != nil {
				t.Fatal(err)
			}
			sums, err := checksums(dir)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(put(filepath.Join(dir, checksumFile), sums, 0o644), tt.spoil(dir)); err != nil {
				t.Fatal(err)
			}
			err = check(t.Context(), dir, []platform{{"linux", "amd64"}}, &bytes.Buffer{})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("check = %v, want %q", err, tt.want)
			}
		})
	}
}

// windowsBinary is the header of one.
func windowsBinary(machine uint16) string {
	b := make([]byte, 0x200)
	copy(b, "MZ")
	binary.LittleEndian.PutUint32(b[0x3c:], 0x80)
	copy(b[0x80:], "PE\x00\x00")
	binary.LittleEndian.PutUint16(b[0x84:], machine)
	return string(b)
}

func TestWhatArchivesLack(t *testing.T) {
	p := platform{"windows", "arm64"}
	fill := func(root string) error {
		var errs []error
		for _, name := range append([]string{licenseFile}, beside...) {
			errs = append(errs, put(filepath.Join(root, name), "text", 0o644))
		}
		for _, b := range binaries {
			errs = append(errs, put(filepath.Join(root, p.file(b)), windowsBinary(0xaa64), 0o755))
			for _, ending := range shells {
				errs = append(errs, put(filepath.Join(root, "completions", b+ending), "text", 0o644))
			}
		}
		return errors.Join(errs...)
	}
	tests := []struct {
		name  string
		spoil func(root string) error
		want  string
	}{
		{"nothing", func(string) error { return nil }, ""},
		{"no .exe", func(root string) error {
			return os.Rename(filepath.Join(root, "revokectl.exe"), filepath.Join(root, "revokectl"))
		}, `"revokectl" `},
		{"no license", func(root string) error { return os.Remove(filepath.Join(root, "LICENSE")) }, `want ["CHANGELOG.md" "LICENSE"`},
		{"no completions", func(root string) error { return os.RemoveAll(filepath.Join(root, "completions")) }, "completions/revokectl.zsh"},
		{"a stray file", func(root string) error { return put(filepath.Join(root, "id_rsa"), "text", 0o600) }, `"id_rsa"`},
		{"another platform's binary", func(root string) error {
			return put(filepath.Join(root, "revoked.exe"), windowsBinary(0x8664), 0o755)
		}, `revoked.exe is for "windows/amd64", want "windows/arm64"`},
		{"no binary at all", func(root string) error {
			return put(filepath.Join(root, "revoked.exe"), "text", 0o755)
		}, `revoked.exe is for "/"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			if err := errors.Join(fill(root), tt.spoil(root)); err != nil {
				t.Fatal(err)
			}
			err := complete(root, p)
			if (tt.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("complete = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestRuns(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	good := `{"version":"v1.2.3","commit":"abc","date":"2026-11-24T09:00:00Z","go":"go1.26.0","binary":"` + filepath.Base(self) + `"}`
	tests := []struct{ name, says, want string }{
		{"as it should", good, ""},
		{"another version", strings.Replace(good, "v1.2.3", "dev", 1), "want version v1.2.3"},
		{"no commit", strings.Replace(good, "abc", "", 1), "want version v1.2.3, its commit"},
		{"no JSON", "revoked v1.2.3", "invalid character"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("FAKE", tt.says)
			err := runs(t.Context(), self, "v1.2.3")
			if (tt.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("runs = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{}, {"dist"}, {"publish", "dir"}, {"-nope", "dist", "dir"}, {"dist", "a", "b"}} {
		var stderr bytes.Buffer
		if code := run(args, &stderr, &stderr); code != 2 || !strings.Contains(stderr.String(), "usage: release") {
			t.Errorf("release %q exits with %d: %s", args, code, &stderr)
		}
	}
	if err := command(context.Background(), []string{"-platform", "plan9/386", "dist", "dir"}, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "it is one of [darwin/amd64") {
		t.Errorf("an unknown platform: %v", err)
	}
	if err := command(context.Background(), []string{"-version", "v1 -X evil", "dist", "dir"}, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "use letters") {
		t.Errorf("a version that is two words: %v", err)
	}
	if err := dist(t.Context(), sources{}, ".", nil, "", &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("dist into a directory with files: %v", err)
	}
}
