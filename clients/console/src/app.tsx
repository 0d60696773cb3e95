// Who may see the page: everyone, or those who have signed in.
import { useEffect, useState } from "preact/hooks";
import { Console } from "./console.tsx";
import { useWork } from "./context.ts";
import { setCredential } from "./credential.ts";
import { identityOf, remember, rememberedIdentity, type Identity } from "./identity.ts";
import { Trouble } from "./parts.tsx";
import { readAccess, type Access, type Session } from "./session.ts";
import { SignIn } from "./views/sign_in.tsx";
import { WhoAreYou } from "./views/who.tsx";

export function App() {
  const [access, setAccess] = useState<Access | null>(null);
  const [hasEnded, setEnded] = useState(false);
  const work = useWork();
  const take = (read: Access) => {
    const headers: Record<string, string> = typeof read === "object" ? { "x-csrf-token": read.csrfToken } : {};
    // A request was refused: the session has ended, or another tab has opened one.
    setCredential(headers, () => {
      void readAccess().then((now) => {
        setEnded(now === "SIGNED_OUT");
        take(now);
      });
    });
    setAccess((before) => (JSON.stringify(before) === JSON.stringify(read) ? before : read));
  };
  const load = () => work.run(async () => take(await readAccess()));
  useEffect(() => void load(), []);
  if (access === null) return <Trouble problem={work.problem} onRetry={() => void load()} />;
  if (access === "SIGNED_OUT") {
    const enter = (session: Session) => (setEnded(false), take(session));
    return <SignIn hasEnded={hasEnded} onSignedIn={enter} />;
  }
  const leave = (isOwnWish: boolean) => (setEnded(!isOwnWish), void load());
  return <Chosen key={JSON.stringify(access)} session={access === "OPEN" ? null : access} onSignedOut={leave} />;
}

/** The page of an account and perhaps a user: the session's own, or those that a person chooses. */
function Chosen({ session, onSignedOut }: { session: Session | null; onSignedOut: (isOwnWish: boolean) => void }) {
  const [identity, setIdentity] = useState<Identity | null>(session ? identityOf(session) : rememberedIdentity);
  const change = (chosen: Identity | null) => {
    remember(chosen);
    setIdentity(chosen);
  };
  if (!identity) return <WhoAreYou accountId={session?.accountId ?? ""} onChosen={change} />;
  return (
    <Console
      key={JSON.stringify(identity)}
      identity={identity}
      session={session}
      onChange={session?.userId ? undefined : () => change(null)}
      onSignedOut={onSignedOut}
    />
  );
}
