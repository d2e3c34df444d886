package privacy

// Own is own.
var Own = own
