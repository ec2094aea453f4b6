package connectwisetest

func (c *call) create(e *endpoint) *apiError  { return noEndpoint() }
func (c *call) patch(e *endpoint) *apiError   { return noEndpoint() }
func (c *call) replace(e *endpoint) *apiError { return noEndpoint() }
func (c *call) remove(e *endpoint) *apiError  { return noEndpoint() }
func (c *call) usages(e *endpoint) *apiError  { return noEndpoint() }
func (c *call) deactivate() *apiError         { return noEndpoint() }
