/** Thrown by a command that did its work and found it wanting: it has said so itself. */
export class CommandFailed extends Error {}
