package connectwisetest

func (g *gen) virtual() {}
