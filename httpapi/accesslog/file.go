package accesslog

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"jangbu/events/outage"
)

// lookEvery is the time between two looks at whether the file is still at its path.
const lookEvery = time.Second

// File is a file that lines are appended to. It is used by one goroutine.
type File struct {
	path   string
	file   *os.File
	looked time.Time
	torn   bool // the last line has no end
	outage outage.Log
}

var _ io.WriteCloser = (*File)(nil)

// OpenFile opens the file at path, or makes it, readable by its owner only. It says in the
// service's log where it cannot open it again.
func OpenFile(path string, service *slog.Logger) (*File, error) {
	file, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("open access log: %w", err)
	}
	return &File{path: path, file: file, looked: time.Now(), outage: outage.Log{
		Logger: service, Level: slog.LevelError,
		Began: "access log: the file was moved away and no new one can be opened; lines are appended to the one that was moved",
		Ended: "access log: the file is at its path again",
	}}, nil
}

func open(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
}

// Write appends lines. It first opens a new file where the last one was moved away or removed;
// while that fails, lines are appended to the last one.
func (f *File) Write(lines []byte) (int, error) {
	if time.Since(f.looked) >= lookEvery {
		f.looked = time.Now()
		if err := f.reopen(); err != nil {
			f.outage.Failed(context.Background(), err)
		} else {
			f.outage.Succeeded(context.Background())
		}
	}
	if f.torn {
		if _, err := f.file.WriteString("\n"); err != nil {
			return 0, err
		}
		f.torn = false
	}
	n, err := f.file.Write(lines)
	if err != nil {
		f.torn = n > 0 && lines[n-1] != '\n'
	}
	return n, err
}

// reopen opens the file at the path, if the one that is open is not there any more.
func (f *File) reopen() error {
	here, err := f.file.Stat()
	if err != nil {
		return err
	}
	if there, err := os.Stat(f.path); err == nil && os.SameFile(here, there) {
		return nil
	}
	file, err := open(f.path)
	if err != nil {
		return err
	}
	last := f.file
	f.file, f.torn = file, false
	return last.Close()
}

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }
