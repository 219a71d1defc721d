package deploytest_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// enter is the first argument of the process that becomes the one in the image.
const enter = "enter-the-image"

// enterImage does what a container's runtime does, in a mount namespace that the
// process has for itself already: it makes the image's root file system, read-only,
// with folders of the host mounted into it, goes into it without any right of root's,
// and becomes the program. The arguments are the program, the certificates, an empty
// folder for the root, the host's folder with everything that is mounted, and then
// those of the program.
func enterImage(args []string) error {
	runtime.LockOSThread() // whose rights are dropped
	binary, bundle, to, mounts, args := args[0], args[1], args[2], args[3], args[4:]
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keep the mounts to ourselves: %w", err)
	}
	if err := unix.Mount("tmpfs", to, "tmpfs", unix.MS_NODEV|unix.MS_NOSUID, "mode=755"); err != nil {
		return fmt.Errorf("mount the root: %w", err)
	}
	for from, path := range map[string]string{binary: program, bundle: certificates} {
		if err := copyFile(from, filepath.Join(to, path)); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Join(to, spill), 0o755); err != nil {
		return fmt.Errorf("make the mount point of the volume: %w", err)
	}
	if err := os.Chown(filepath.Join(to, spill), uid, uid); err != nil {
		return fmt.Errorf("make the mount point of the volume: %w", err)
	}
	entries, err := os.ReadDir(mounts)
	if err != nil {
		return fmt.Errorf("read what is to be mounted: %w", err)
	}
	for _, e := range entries {
		path, ok := mountPoints[e.Name()]
		if !ok {
			continue
		}
		point := filepath.Join(to, path)
		if err := os.MkdirAll(point, 0o755); err != nil {
			return fmt.Errorf("make a mount point: %w", err)
		}
		if err := unix.Mount(filepath.Join(mounts, e.Name()), point, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount %s: %w", e.Name(), err)
		}
	}
	if err := unix.Mount("", to, "", unix.MS_REMOUNT|unix.MS_RDONLY|unix.MS_NODEV|unix.MS_NOSUID, ""); err != nil {
		return fmt.Errorf("make the root read-only: %w", err)
	}
	if err := unix.Chroot(to); err != nil {
		return fmt.Errorf("go into the root: %w", err)
	}
	if err := unix.Chdir("/"); err != nil {
		return fmt.Errorf("go to the root: %w", err)
	}
	if err := dropRights(); err != nil {
		return err
	}
	return unix.Exec(program, append([]string{program}, args...), os.Environ())
}

// dropRights takes away what a container with drop: [ALL] and
// allowPrivilegeEscalation: false does not have.
func dropRights() error {
	for c := range uintptr(unix.CAP_LAST_CAP + 1) {
		err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
		if errors.Is(err, unix.EINVAL) { // a kernel that has fewer
			break
		}
		if err != nil {
			return fmt.Errorf("drop capability %d: %w", c, err)
		}
	}
	if err := unix.Setgroups(nil); err != nil {
		return fmt.Errorf("leave the groups: %w", err)
	}
	if err := unix.Setresgid(uid, uid, uid); err != nil {
		return fmt.Errorf("change the group: %w", err)
	}
	// Clears the capabilities too.
	if err := unix.Setresuid(uid, uid, uid); err != nil {
		return fmt.Errorf("change the user: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up new rights: %w", err)
	}
	return nil
}

func copyFile(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return fmt.Errorf("make a folder of the image: %w", err)
	}
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("copy into the image: %w", err)
	}
	defer in.Close() // only read
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		return fmt.Errorf("copy into the image: %w", err)
	}
	if _, err := io.Copy(out, in); err != nil {
		return fmt.Errorf("copy into the image: %w", err)
	}
	return out.Close()
}
