package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
)

// entry is a file of an archive. Nothing but these, the bytes and one time for
// all gets into it: no owner, no umask, no time of a build.
type entry struct {
	name string // with slashes
	from string
	mode fs.FileMode
}

// writeArchive makes a file by one of the two formats.
func writeArchive(path string, format func(io.Writer, []entry, time.Time) error, files []entry, at time.Time) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(format(f, files, at), f.Close())
}

func writeTarGz(w io.Writer, files []entry, at time.Time) error {
	gz, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	tw := tar.NewWriter(gz)
	for _, e := range files {
		err := e.open(func(f *os.File, size int64) error {
			if err := tw.WriteHeader(&tar.Header{
				Typeflag: tar.TypeReg, Name: e.name, Size: size, Mode: int64(e.mode), ModTime: at, Format: tar.FormatUSTAR,
			}); err != nil {
				return err
			}
			_, err := io.Copy(tw, f)
			return err
		})
		if err != nil {
			return err
		}
	}
	return errors.Join(tw.Close(), gz.Close())
}

func writeZip(w io.Writer, files []entry, at time.Time) error {
	zw := zip.NewWriter(w)
	for _, e := range files {
		err := e.open(func(f *os.File, _ int64) error {
			h := &zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: at}
			h.SetMode(e.mode)
			in, err := zw.CreateHeader(h)
			if err != nil {
				return err
			}
			_, err = io.Copy(in, f)
			return err
		})
		if err != nil {
			return err
		}
	}
	return zw.Close()
}

func (e entry) open(use func(f *os.File, size int64) error) error {
	f, err := os.Open(e.from)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return use(f, info.Size())
}
