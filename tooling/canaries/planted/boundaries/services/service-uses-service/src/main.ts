/** Planted: a service that imports another service. */
import { neighbour } from '@railpost/neighbour';

neighbour();
