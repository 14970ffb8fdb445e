package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// check does with a directory that dist has filled what a careful user does:
// compares every checksum, unpacks each archive, looks whether it has what it
// should and for the right platform, runs the binaries that can run here, and
// compares the Helm chart with that of the sources.
// It writes a line for each file.
func check(ctx context.Context, dir string, platforms []platform, out io.Writer) error {
	sums, err := readChecksums(dir)
	if err != nil {
		return err
	}
	want, err := checksums(dir)
	if err != nil {
		return err
	}
	files := map[string]bool{}
	for line := range strings.Lines(want) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		files[name] = true
		switch {
		case sums[name] == "":
			return fmt.Errorf("%s is not in %s", name, checksumFile)
		case sums[name] != sum:
			return fmt.Errorf("%s has the SHA-256 %s, %s says %s", name, sum, checksumFile, sums[name])
		}
	}
	for name := range sums {
		if !files[name] {
			return fmt.Errorf("%s is in %s and not there", name, checksumFile)
		}
	}
	seen := 0
	for name := range files {
		if strings.HasSuffix(name, ".cdx.json") {
			if err := checkBill(filepath.Join(dir, name)); err != nil {
				return err
			}
			seen++
		}
	}
	fmt.Fprintf(out, "ok  %d files by %s, %d SBOMs\n", len(files), checksumFile, seen)
	for _, p := range platforms {
		if err := checkArchive(ctx, dir, p, out); err != nil {
			return err
		}
	}
	chart, err := checkChart(dir, chartDir)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "ok  %s\n", chart)
	return nil
}

func readChecksums(dir string) (map[string]string, error) {
	text, err := os.ReadFile(filepath.Join(dir, checksumFile))
	if err != nil {
		return nil, err
	}
	sums := map[string]string{}
	for line := range strings.Lines(string(text)) {
		sum, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if !ok || len(sum) != 64 || name != filepath.Base(name) {
			return nil, fmt.Errorf("%s: %q is not a line of sha256sum", checksumFile, line)
		}
		sums[name] = sum
	}
	return sums, nil
}

// checkArchive unpacks that of p.
func checkArchive(ctx context.Context, dir string, p platform, out io.Writer) error {
	ending := ".tar.gz"
	if p.os == "windows" {
		ending = ".zip"
	}
	found, err := filepath.Glob(filepath.Join(dir, "revoked_*_"+p.os+"_"+p.arch+ending))
	if err != nil || len(found) != 1 {
		return fmt.Errorf("%d archives for %s, want one %s (%v)", len(found), p, ending, err)
	}
	to, err := os.MkdirTemp("", "release")
	if err != nil {
		return err
	}
	defer os.RemoveAll(to)
	name := strings.TrimSuffix(filepath.Base(found[0]), ending)
	unpack := untar
	if ending == ".zip" {
		unpack = unzip
	}
	if err := unpack(found[0], to); err != nil {
		return fmt.Errorf("%s: %w", found[0], err)
	}
	root := filepath.Join(to, name)
	if err := complete(root, p); err != nil {
		return fmt.Errorf("%s: %w", found[0], err)
	}
	ran := ""
	if p == host {
		version := "v" + strings.TrimSuffix(strings.TrimPrefix(name, "revoked_"), "_"+p.os+"_"+p.arch)
		for _, b := range binaries {
			if err := runs(ctx, filepath.Join(root, p.file(b)), version); err != nil {
				return err
			}
		}
		ran = ", run here"
	}
	fmt.Fprintf(out, "ok  %s: %d binaries for %s%s\n", filepath.Base(found[0]), len(binaries), p, ran)
	return nil
}

// complete reports what an unpacked archive lacks or has too much.
func complete(root string, p platform) error {
	want := append(slices.Clone(beside), licenseFile)
	for _, b := range binaries {
		want = append(want, p.file(b))
		for _, ending := range shells {
			want = append(want, "completions/"+b+ending)
		}
	}
	slices.Sort(want)
	var got []string
	err := filepath.WalkDir(root, func(at string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			var rel string
			rel, err = filepath.Rel(root, at)
			got = append(got, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		return err
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		return fmt.Errorf("it has %q, want %q", got, want)
	}
	for _, b := range binaries {
		at := filepath.Join(root, p.file(b))
		if err := isFor(at, p); err != nil {
			return err
		}
		if info, err := os.Stat(at); err != nil || p.os != "windows" && info.Mode().Perm() != 0o755 {
			return fmt.Errorf("%s can't be executed: %v (%v)", b, info.Mode(), err)
		}
	}
	return nil
}

// isFor reads the header of a binary.
func isFor(file string, p platform) error {
	var got platform
	if f, err := elf.Open(file); err == nil {
		defer f.Close()
		got = platform{"linux", map[elf.Machine]string{elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64"}[f.Machine]}
	} else if f, err := macho.Open(file); err == nil {
		defer f.Close()
		got = platform{"darwin", map[macho.Cpu]string{macho.CpuAmd64: "amd64", macho.CpuArm64: "arm64"}[f.Cpu]}
	} else if f, err := pe.Open(file); err == nil {
		defer f.Close()
		got = platform{"windows", map[uint16]string{pe.IMAGE_FILE_MACHINE_AMD64: "amd64", pe.IMAGE_FILE_MACHINE_ARM64: "arm64"}[f.Machine]}
	}
	if got != p {
		return fmt.Errorf("%s is for %q, want %q", filepath.Base(file), got, p)
	}
	return nil
}

// runs fails unless the binary says that it is of the version, with a commit
// and a date.
func runs(ctx context.Context, binary, version string) error {
	text, err := output(ctx, nil, binary, "version", "-o", "json")
	if err != nil {
		return err
	}
	var says struct{ Version, Commit, Date, Go string }
	if err := json.Unmarshal([]byte(text), &says); err != nil {
		return fmt.Errorf("%s version: %w", binary, err)
	}
	if strings.TrimPrefix(says.Version, "v") != strings.TrimPrefix(version, "v") || says.Commit == "" || says.Date == "" || says.Go == "" {
		return fmt.Errorf("%s says %s, want version %s, its commit, its date and Go's version", filepath.Base(binary), text, version)
	}
	if help, err := output(ctx, nil, binary, "--help"); err != nil || !strings.Contains(help, filepath.Base(binary)) {
		return fmt.Errorf("%s --help: %v\n%s", binary, err, help)
	}
	return nil
}

// place is where an entry goes. Names that lead elsewhere are refused.
func place(to, name string) (string, error) {
	if name != path.Clean(name) || !filepath.IsLocal(filepath.FromSlash(name)) {
		return "", fmt.Errorf("entry %q is not below the archive", name)
	}
	at := filepath.Join(to, filepath.FromSlash(name))
	return at, os.MkdirAll(filepath.Dir(at), 0o755)
}

func write(at string, from io.Reader, mode os.FileMode) error {
	f, err := os.OpenFile(at, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	return errors.Join(err, f.Close(), os.Chmod(at, mode))
}

func untar(archive, to string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	gz, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	for tr := tar.NewReader(gz); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		at, err := place(to, h.Name)
		if err != nil {
			return err
		}
		if err := write(at, tr, h.FileInfo().Mode().Perm()); err != nil {
			return err
		}
	}
}

func unzip(archive, to string) error {
	zr, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer zr.Close()
	for _, f := range zr.File {
		at, err := place(to, f.Name)
		if err != nil {
			return err
		}
		in, err := f.Open()
		if err != nil {
			return err
		}
		err = write(at, in, f.Mode().Perm())
		in.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
