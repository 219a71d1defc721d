package servers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/tailrace/tailrace/internal/servers/local"
)

// OwnerVariable names the environment variable that holds the URL of the owner
// of the shared servers.
const OwnerVariable = "TAILRACE_SERVERS"

// shared asks the owner for its server of the given version, and waits while the
// owner starts it.
func shared(ctx context.Context, version int) (local.Address, error) {
	owner := os.Getenv(OwnerVariable)
	if owner == "" {
		return local.Address{}, errors.New("this test needs real servers: run it by `make test`, " +
			"or start them with `make servers` and set " + OwnerVariable + " to what it prints")
	}
	url := fmt.Sprintf("%s/postgres/%d", owner, version)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return local.Address{}, fmt.Errorf("ask the owner of the servers: %w", err)
	}
	// No proxy from the environment: the owner is on this machine.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return local.Address{}, fmt.Errorf("ask the owner of the servers (is it still running?): %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return local.Address{}, fmt.Errorf("read the answer of the owner of the servers: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return local.Address{}, fmt.Errorf("the owner of the servers says: %s", strings.TrimSpace(string(body)))
	}
	var address local.Address
	if err := json.Unmarshal(body, &address); err != nil {
		return local.Address{}, fmt.Errorf("read the answer of the owner of the servers: %w", err)
	}
	return address, nil
}
