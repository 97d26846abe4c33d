export const unexplained = 1;
