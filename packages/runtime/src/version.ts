import manifest from "../package.json" with { type: "json" };

/** The build's version, the same for every package of this repository. */
export const version = manifest.version;
