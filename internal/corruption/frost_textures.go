package corruption

import (
	"fmt"
	"os"

	"quba/internal/imaging"
)

// FrostTextures are the five pictures that frost is blended from, in the
// order of the reference code.
type FrostTextures [5]*imaging.Image

// frostFiles are their names in the reference code, which has a sixth that it
// never uses.
var frostFiles = [len(FrostTextures{})]string{"frost1.png", "frost2.png", "frost3.png", "frost4.jpg", "frost5.jpg"}

// LoadFrost reads frost1.png, frost2.png, frost3.png, frost4.jpg and
// frost5.jpg from a folder.
func LoadFrost(dir string) (*FrostTextures, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("folder of frost textures: %w", err)
	}
	defer root.Close()
	var textures FrostTextures
	for i, name := range frostFiles {
		data, err := root.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("folder of frost textures %s must hold %v: %w", dir, frostFiles, err)
		}
		m, _, err := imaging.Decode(data, imaging.Options{})
		if err != nil {
			return nil, fmt.Errorf("frost texture %s in %s: %w", name, dir, err)
		}
		textures[i] = m
	}
	return &textures, nil
}
