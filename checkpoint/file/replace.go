package file

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tailrace/tailrace/internal/failure"
)

// tempSuffix names the file that a Save prepares. The name is fixed, since the
// lock admits one writer: what a killed process left is overwritten or removed
// by the next one and never accumulates.
const tempSuffix = ".tmp"

// replace makes the file at path hold text. A process that is killed anywhere
// in it leaves the old file or the new one, each of them whole.
func replace(path string, text []byte) error {
	temp := path + tempSuffix
	if err := writeTemp(temp, text); err != nil {
		os.Remove(temp)
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		os.Remove(temp)
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// writeTemp makes a new file each time: after a failed fsync the kernel may
// take pages for clean that never reached the disk, and a second fsync of the
// same file would then succeed for nothing.
func writeTemp(path string, text []byte) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// probeSize is more than most States have.
const probeSize = 16 << 10

// probe does what a Save does, short of the rename, and so finds at the start
// what would stop the first Save. It removes what a killed process left.
func probe(path string) error {
	temp := path + tempSuffix
	err := writeTemp(temp, make([]byte, probeSize))
	if removed := os.Remove(temp); err == nil {
		err = removed
	}
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		return unwritable(err, path)
	}
	return nil
}

// resolve follows symbolic links at path to the file itself, which a rename
// would replace, and which two names must not make two checkpoints of. The
// file need not exist; what exists must be a regular file.
func resolve(path string) (string, error) {
	name := path
	info, err := os.Lstat(path)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			info, err = os.Lstat(path)
		}
		if err != nil {
			return "", failure.StopFrom(err, "remove the symbolic link or make its target's folder",
				"the checkpoint is a symbolic link that leads nowhere")
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return path, nil
	case err != nil:
		return "", failure.StopFrom(err, "", "the checkpoint can't be read")
	case info.IsDir():
		return "", failure.Stop("name a file in it with --checkpoint", "the checkpoint %s is a folder", name)
	case !info.Mode().IsRegular():
		return "", failure.Stop("name another one with --checkpoint", "the checkpoint %s is not a regular file", name)
	}
	return path, nil
}

func checkFolder(path string) error {
	folder := filepath.Dir(path)
	info, err := os.Stat(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return failure.Stop("make it, or name another one with --checkpoint",
			"the folder %s of the checkpoint does not exist", folder)
	case err != nil:
		return failure.StopFrom(err, "", "the folder of the checkpoint can't be read")
	case !info.IsDir():
		return failure.Stop("name another one with --checkpoint", "the folder %s of the checkpoint is a file", folder)
	}
	return nil
}

func unwritable(cause error, path string) error {
	return failure.StopFrom(cause,
		"the folder must be writable and have room for two copies of the checkpoint; --checkpoint names another one",
		"the checkpoint can't be kept in %s", filepath.Dir(path))
}
