package halopsatest

func (c *call) post(e *endpoint) *apiError { return notAllowed() }

func (c *call) remove(e *endpoint, id int) *apiError { return notAllowed() }
