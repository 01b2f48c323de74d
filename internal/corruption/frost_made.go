package corruption

import (
	_ "embed"
	"encoding/json"
	"math"
	"math/rand/v2"
	"sync"

	"quba/internal/imaging"
)

// frostProfiles describes the original textures by statistics alone: their
// share of the draws, the quantiles of each channel, the amplitude of noise
// of spacing 1, 2, 4 ... pixels, how unevenly the fine noise is spread, and
// the correlation of red with the other channels.
//
//go:embed frost_profiles.json
var frostProfiles []byte

type frostProfile struct {
	Weight     float64      `json:"weight"`
	Gamma      float64      `json:"gamma"`
	RedRho     float64      `json:"rho_red"`
	Amplitudes [8]float64   `json:"octave_amp"`
	Percents   []float64    `json:"pct"`
	Quantiles  [3][]float64 `json:"rgb_quantiles"`
}

// madeFrostSize is the side of the textures that are made. They go on beyond
// their edges without a seam.
const madeFrostSize = 512

// madeFrostVariants is how many textures each profile has.
const madeFrostVariants = 2

// madeFrost are the textures, each made when it is first drawn, the same in
// every process.
var madeFrost = sync.OnceValue(func() [][madeFrostVariants]func() *imaging.Image {
	profiles := loadFrostProfiles()
	textures := make([][madeFrostVariants]func() *imaging.Image, len(profiles))
	for i := range profiles {
		for v := range madeFrostVariants {
			textures[i][v] = sync.OnceValue(func() *imaging.Image {
				return profiles[i].texture(rand.New(rand.NewPCG(uint64(i), uint64(v))))
			})
		}
	}
	return textures
})

var loadFrostProfiles = sync.OnceValue(func() []frostProfile {
	var profiles []frostProfile
	if err := json.Unmarshal(frostProfiles, &profiles); err != nil {
		panic("corruption: frost_profiles.json: " + err.Error())
	}
	return profiles
})

// madeFrostWindow draws a texture by the weights of the profiles, and a place
// in it.
func madeFrostWindow(d Draws) frostPart {
	profile := drawProfile(loadFrostProfiles(), d)
	texture := madeFrost()[profile][d.IntN(madeFrostVariants)]()
	y := d.IntN(madeFrostSize)
	return wrapped{texture, d.IntN(madeFrostSize), y}
}

func drawProfile(profiles []frostProfile, d Draws) int {
	const steps = 1000
	left := (float64(d.IntN(steps)) + 0.5) / steps
	for i, p := range profiles {
		if left -= p.Weight; left < 0 {
			return i
		}
	}
	return len(profiles) - 1
}

// texture makes grey noise with the amplitudes of the profile, and gives each
// channel the quantiles of the original at its ranks.
func (p *frostProfile) texture(r *rand.Rand) *imaging.Image {
	grey := p.field(r)
	red := grey
	if p.RedRho < 0.9 {
		own := p.field(r)
		red = make([]float64, len(grey))
		for i, v := range grey {
			red[i] = p.RedRho*v + math.Sqrt(1-p.RedRho*p.RedRho)*own[i]
		}
	}
	m := imaging.New(madeFrostSize, madeFrostSize)
	for channel, field := range [3][]float64{red, grey, grey} {
		levels := p.levels(channel)
		for i, v := range field {
			m.Pix[3*i+channel] = levels.of(v)
		}
	}
	return m
}

// patchiness is what the noise that spreads the fine noise is made of.
const patchiness = 0.7

// fineOctaves are those whose strength varies from place to place.
const fineOctaves = 4

// field is noise of mean 0 and variance 1.
func (p *frostProfile) field(r *rand.Rand) []float64 {
	spread := addNoise(addNoise(make([]float64, madeFrostSize*madeFrostSize), r, 5, patchiness), r, 3, patchiness)
	square := 0.0
	for i, v := range spread {
		spread[i] = math.Exp(p.Gamma * v)
		square += spread[i] * spread[i]
	}
	rms := math.Sqrt(square / float64(len(spread)))
	field := make([]float64, len(spread))
	for octave, amplitude := range p.Amplitudes[:fineOctaves] {
		addNoise(field, r, octave, amplitude/rms)
	}
	for i, v := range spread {
		field[i] *= v
	}
	for octave, amplitude := range p.Amplitudes[fineOctaves:] {
		addNoise(field, r, fineOctaves+octave, amplitude)
	}
	standardise(field)
	return field
}

// addNoise adds to field Gaussian noise of standard deviation amplitude whose
// values are independent at places 2^octave apart, and joined by a cubic
// spline between them.
func addNoise(field []float64, r *rand.Rand, octave int, amplitude float64) []float64 {
	n := madeFrostSize >> octave
	lattice := make([]float64, n*n)
	for i := range lattice {
		lattice[i] = r.NormFloat64()
	}
	if octave > 0 {
		lattice = enlargeSpline(lattice, n)
	}
	standardise(lattice)
	for i, v := range lattice {
		field[i] += amplitude * v
	}
	return field
}

// splineTaps are the four lattice lines around a line of the enlarged field,
// with the weights of the cyclic cubic B-spline.
type splineTaps struct {
	at     [4]int
	weight [4]float64
}

func splineTapsOf(n int) []splineTaps {
	spacing := madeFrostSize / n
	taps := make([]splineTaps, madeFrostSize)
	for i := range taps {
		t := float64(i%spacing) / float64(spacing)
		taps[i].weight = [4]float64{
			(1 - t) * (1 - t) * (1 - t) / 6,
			(3*t*t*t - 6*t*t + 4) / 6,
			(-3*t*t*t + 3*t*t + 3*t + 1) / 6,
			t * t * t / 6,
		}
		for j := range taps[i].at {
			taps[i].at[j] = (i/spacing + j - 1 + n) % n
		}
	}
	return taps
}

// enlargeSpline enlarges n rows of n numbers to madeFrostSize of each, with
// the cyclic cubic spline that goes through the numbers. It overwrites them.
func enlargeSpline(lattice []float64, n int) []float64 {
	for i := range n {
		splineCoefficients(lattice[i*n:(i+1)*n], 1)
	}
	for i := range n {
		splineCoefficients(lattice[i:], n)
	}
	taps := splineTapsOf(n)
	field, row := make([]float64, madeFrostSize*madeFrostSize), make([]float64, n)
	for y := range taps {
		t := &taps[y]
		a, b := lattice[t.at[0]*n:][:n], lattice[t.at[1]*n:][:n]
		c, d := lattice[t.at[2]*n:][:n], lattice[t.at[3]*n:][:n]
		for x := range row {
			row[x] = t.weight[0]*a[x] + t.weight[1]*b[x] + t.weight[2]*c[x] + t.weight[3]*d[x]
		}
		out := field[y*madeFrostSize:][:madeFrostSize]
		for x := range taps {
			t := &taps[x]
			out[x] = t.weight[0]*row[t.at[0]] + t.weight[1]*row[t.at[1]] + t.weight[2]*row[t.at[2]] + t.weight[3]*row[t.at[3]]
		}
	}
	return field
}

// splineCoefficients turns the numbers of line that lie stride apart into the
// weights of B-splines whose sum goes through them, cyclically, by the
// recursive filter of Unser (1999).
func splineCoefficients(line []float64, stride int) {
	pole := math.Sqrt(3) - 2
	n := (len(line) + stride - 1) / stride
	// What comes before so many turns has died away: a cycle has 4 or more.
	const turns = 8
	sum := 0.0
	for i := range turns * n {
		sum = line[i%n*stride] + pole*sum
	}
	for i := range n {
		sum = line[i*stride] + pole*sum
		line[i*stride] = sum
	}
	sum = 0
	for i := turns*n - 1; i >= 0; i-- {
		sum = pole * (sum - line[i%n*stride])
	}
	for i := n - 1; i >= 0; i-- {
		sum = pole * (sum - line[i*stride])
		line[i*stride] = 6 * sum
	}
}

func standardise(field []float64) {
	sum, square := 0.0, 0.0
	for _, v := range field {
		sum += v
		square += v * v
	}
	mean := sum / float64(len(field))
	scale := 1 / math.Sqrt(square/float64(len(field))-mean*mean)
	for i, v := range field {
		field[i] = (v - mean) * scale
	}
}

// frostLevels are the grey levels of normal numbers from -frostLevelsEnd to
// frostLevelsEnd.
type frostLevels [1 << 12]byte

const frostLevelsEnd = 4

func (t *frostLevels) of(v float64) byte {
	i := int((v + frostLevelsEnd) * float64(len(t)) / (2 * frostLevelsEnd))
	return t[min(max(i, 0), len(t)-1)]
}

// levels maps a normal number to the quantile of the channel at its rank.
func (p *frostProfile) levels(channel int) *frostLevels {
	var t frostLevels
	for i := range t {
		v := (float64(i)+0.5)*2*frostLevelsEnd/float64(len(t)) - frostLevelsEnd
		percent := 50 * math.Erfc(-v/math.Sqrt2)
		t[i] = byte(math.Round(interpolate(p.Percents, p.Quantiles[channel], percent)))
	}
	return &t
}

// interpolate is the piecewise linear function through the points (xs, ys) at
// x, which lies between the first and the last of xs.
func interpolate(xs, ys []float64, x float64) float64 {
	i := 1
	for i < len(xs)-1 && x > xs[i] {
		i++
	}
	return ys[i-1] + (ys[i]-ys[i-1])*(x-xs[i-1])/(xs[i]-xs[i-1])
}
