package ranking_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"quba/metrics"
	"quba/pipeline/registry"
	"quba/ranking"
)

type locatedConfig struct {
	Folder string `koanf:"folder" path:"dir"`
}

func init() {
	registry.Register(metrics.Registry, "test_located", "A metric for tests, which tells the folder that it was given.", locatedConfig{}, func(c locatedConfig) (metrics.Spec, error) {
		return metrics.Spec{}, fmt.Errorf("made with %q", c.Folder)
	})
}

// TestRecomputeLocatesOptions: a path is written relative to the config, and is
// absolute in the config that the result keeps.
func TestRecomputeLocatesOptions(t *testing.T) {
	const (
		own   = "  - {type: scores, metric: test_located, options: {folder: /data/other}}\n"
		as    = "  - {type: scores, metric: test_located, as: near, options: {folder: /data/human}}\n"
		plain = "  - {type: scores, metric: test_located, as: near}\n"
	)
	for name, c := range map[string]struct{ config, want string }{
		"kept config":         {"sinks:\n  - {type: predictions}\n" + own + as, `made with "/data/human"`},
		"no config":           {"", `made with "human"`},
		"config without it":   {"sinks:\n" + own, `made with "human"`},
		"config without them": {"sinks:\n" + plain, `made with "human"`},
		"broken config":       {"sinks: {", "config.yaml: "},
	} {
		t.Run(name, func(t *testing.T) {
			folder := predictionFolder(t, map[string]string{
				"quba.protocol": "standard", "quba.models": twoModels,
				"quba.metrics": `[{"dimension":"near","metric":"test_located","options":{"folder":"human"}}]`,
			}, predictions(memory.DefaultAllocator, 10, false))
			if c.config != "" {
				if err := os.WriteFile(filepath.Join(folder, "config.yaml"), []byte(c.config), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := ranking.Recompute([]string{folder}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s in it", err, c.want)
			}
		})
	}
}
