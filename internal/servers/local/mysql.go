package local

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
)

// A MySQL is a MySQL or MariaDB server that belongs to this program. It goes
// away, with all of its data, at Close or when the program ends in whatever way.
// Its methods may be called from any goroutine, one at a time.
type MySQL struct {
	MySQLAddress
	*instance

	serverID int
}

// StartMySQL starts a server of the given product on data of its own: no
// databases, no users but root, no binlogs, a server id and a server_uuid that
// no other has. It takes one to two seconds, and once per machine as long as the
// download of the product. settings are options of the server that override
// those of the options function; "" leaves an option out. The context bounds
// only the start.
func StartMySQL(ctx context.Context, product Product, settings map[string]string) (*MySQL, error) {
	cache, err := installed(ctx, product)
	if err != nil {
		return nil, err
	}
	i, err := newInstance(string(product), "mysql")
	if err != nil {
		return nil, err
	}
	m := &MySQL{
		MySQLAddress: MySQLAddress{
			Product:  product,
			Host:     "127.0.0.1",
			DataDir:  filepath.Join(i.dir, "data"),
			Programs: filepath.Join(cache, programsFolder),
		},
		instance: i,
		serverID: 1_000_000 + rand.IntN(1_000_000_000),
	}
	i.greet = m.isOurs
	if err := m.copyData(ctx, filepath.Join(cache, pristineFolder), m.DataDir); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	err = m.firstStart(ctx, func() (err error) {
		m.Port, err = freePort()
		m.command = append(programs{m.Product, m.Programs}.all().Server(), m.options(settings)...)
		return err
	})
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// isOurs asks the server who it is: on a port that another server was quicker to
// take, that one answers.
func (m *MySQL) isOurs(ctx context.Context) error {
	rows, err := m.Query(ctx, "", "SELECT VERSION(), @@server_id")
	if err != nil {
		return err
	}
	if rows[0][1] != fmt.Sprint(m.serverID) {
		return fmt.Errorf("connect: the server %s has the port", rows[0][1])
	}
	m.Version = rows[0][0]
	return nil
}

// Close ends the server in whatever state it is and removes its folder. It must
// be called once.
func (m *MySQL) Close() error { return m.closeAtOnce() }
