/** The version of the software: one for all services, packages and images; kept equal to package.json by a test. */

/** Version of Railpost. */
export const release = '0.1.0';
