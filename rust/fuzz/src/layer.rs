pub struct Layer; 
