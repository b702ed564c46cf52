"""Loss functions and the class weights they take."""
