import { createTransport } from "nodemailer";

export interface Mail {
  /** The same for a repeat, so that a mail program shows it once. */
  readonly messageId: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
}

export interface Mailer extends AsyncDisposable {
  /** Resolves when the mail server has taken it. */
  send(mail: Mail): Promise<void>;
}

const TIMEOUT_MS = 10_000;

/** `url`: `smtp://user:password@host:port`, or `smtps://`. */
export function createMailer(url: string, from: string): Mailer {
  const transport = createTransport({
    url,
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
  });
  return {
    async send({ to, ...mail }) {
      await transport.sendMail({ ...mail, from, to: [...to] });
    },
    async [Symbol.asyncDispose]() {
      transport.close();
    },
  };
}
