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
)

// OwnerVariable names the environment variable that holds the URL of the owner
// of the shared servers.
const OwnerVariable = "TAILRACE_SERVERS"

// shared asks the owner for one of its servers, such as "postgres/15", and waits
// while the owner starts it. The answer goes to where address points.
func shared(ctx context.Context, server string, address any) error {
	owner := os.Getenv(OwnerVariable)
	if owner == "" {
		return errors.New("this test needs real servers: run it by `make test`, " +
			"or start them with `make servers` and set " + OwnerVariable + " to what it prints")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, owner+"/"+server, nil)
	if err != nil {
		return fmt.Errorf("ask the owner of the servers: %w", err)
	}
	// No proxy from the environment: the owner is on this machine.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("ask the owner of the servers (is it still running?): %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("read the answer of the owner of the servers: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the owner of the servers says: %s", strings.TrimSpace(string(body)))
	}
	if err := json.Unmarshal(body, address); err != nil {
		return fmt.Errorf("read the answer of the owner of the servers: %w", err)
	}
	return nil
}
