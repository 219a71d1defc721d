package capture_test

import (
	"testing"

	"github.com/tailrace/tailrace/capture"
)

func TestFlavorOf(t *testing.T) {
	tests := []struct {
		host string
		want capture.Flavor
	}{
		{"localhost", capture.Plain},
		{"10.1.2.3", capture.Plain},
		{"shop.abc123.eu-west-1.rds.amazonaws.com", capture.RDS},
		{"SHOP.abc123.cn-north-1.RDS.amazonaws.com.cn.", capture.RDS},
		{"shop.cluster-abc123.eu-west-1.rds.amazonaws.com", capture.Aurora},
		{"shop.cluster-ro-abc123.eu-west-1.rds.amazonaws.com", capture.Aurora},
		{"shop.postgres.database.azure.com", capture.Azure},
		{"shop.mysql.database.azure.com", capture.Azure},
		{"rds.amazonaws.com.example.org", capture.Plain},
	}
	for _, tt := range tests {
		if got := capture.FlavorOf(tt.host); got != tt.want {
			t.Errorf("FlavorOf(%q) = %s, want %s", tt.host, got, tt.want)
		}
	}
}
