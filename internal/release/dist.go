package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const checksumFile = "checksums.txt"

// beside are the files of the repository that every archive has.
var beside = []string{"LICENSE", "README.md", "CHANGELOG.md"}

// dist fills dir, which must be empty or not there, with the archives of the
// platforms, an SBOM for each binary, the Helm chart and the checksums of all.
func dist(ctx context.Context, src sources, dir string, platforms []platform, sbom string, out io.Writer) error {
	if old, err := os.ReadDir(dir); err == nil && len(old) > 0 {
		return fmt.Errorf("%s is not empty: what is left there would be released, too", dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "release")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	began := time.Now() // for the person who waits; it gets into no file
	more := filepath.Join(work, "extras")
	if err := extras(ctx, more); err != nil {
		return err
	}
	for _, p := range platforms {
		built := filepath.Join(work, p.os+"_"+p.arch)
		if err := src.compile(ctx, p, built); err != nil {
			return err
		}
		if err := src.pack(p, built, more, dir); err != nil {
			return err
		}
		if sbom != "" {
			for _, b := range binaries {
				at := filepath.Join(dir, src.name(b, p)+".cdx.json")
				if err := bill(ctx, sbom, src, filepath.Join(built, p.file(b)), at); err != nil {
					return err
				}
			}
		}
		fmt.Fprintf(out, "%s after %.0f s\n", p, time.Since(began).Seconds())
	}
	if err := src.chart(chartDir, dir); err != nil {
		return err
	}
	sums, err := checksums(dir)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, checksumFile), []byte(sums), 0o644)
}

// pack makes the archive of a platform.
func (s sources) pack(p platform, built, extras, dir string) error {
	var files []entry
	for _, b := range binaries {
		files = append(files, entry{name: p.file(b), from: filepath.Join(built, p.file(b)), mode: 0o755})
	}
	for _, f := range beside {
		files = append(files, entry{name: f, from: f, mode: 0o644})
	}
	more, err := filepath.Glob(filepath.Join(extras, "*", "*"))
	if err != nil {
		return err
	}
	top, err := filepath.Glob(filepath.Join(extras, "*.txt"))
	if err != nil {
		return err
	}
	for _, from := range append(more, top...) {
		name, err := filepath.Rel(extras, from)
		if err != nil {
			return err
		}
		files = append(files, entry{name: filepath.ToSlash(name), from: from, mode: 0o644})
	}
	name := s.name("revoked", p)
	for i := range files {
		files[i].name = name + "/" + files[i].name // unpacked, they lie together
	}
	slices.SortFunc(files, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	if p.os == "windows" {
		return writeArchive(filepath.Join(dir, name+".zip"), writeZip, files, s.date)
	}
	return writeArchive(filepath.Join(dir, name+".tar.gz"), writeTarGz, files, s.date)
}

// checksums has a line for each file of dir, as sha256sum prints it.
func checksums(dir string) (string, error) {
	files, err := os.ReadDir(dir) // sorted
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, f := range files {
		if f.Name() == checksumFile {
			continue
		}
		sum, err := sha256File(filepath.Join(dir, f.Name()))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%s  %s\n", sum, f.Name())
	}
	return b.String(), nil
}

func sha256File(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}
