// Chooses the contact of a call: a candidate, a contact found by name, or a new one.
import { useMemo, useState } from "preact/hooks";
import type { CallLog } from "../contract/leadline/v1/call_log_pb.ts";
import type { Contact } from "../contract/leadline/v1/contact_pb.ts";
import { usePage, useRead, useWork } from "../context.ts";
import { otherParty } from "../format.ts";
import { ContactText, Field, Trouble } from "../parts.tsx";
import { contacts, problemOf, WAIT } from "../server.ts";
import { t } from "../words.ts";

interface Choosing {
  readonly log: CallLog;
  readonly isBusy: boolean;
  readonly onChosen: (contact: Contact, isNew?: boolean) => void;
}

export function ChooseContact(props: Choosing) {
  return (
    <div class="choose">
      <Candidates {...props} />
      <Search {...props} />
      <Create {...props} />
    </div>
  );
}

function Candidates({ log, isBusy, onChosen }: Choosing) {
  const found = log.candidates.map((match) => match.contact!);
  if (found.length === 0) return null;
  return (
    <section>
      <h2>{t("choose.candidates")}</h2>
      <ContactList contacts={found} isBusy={isBusy} onChosen={onChosen} />
    </section>
  );
}

function ContactList(props: { contacts: readonly Contact[]; isBusy: boolean; onChosen: (contact: Contact) => void }) {
  return (
    <ul class="contacts">
      {props.contacts.map((contact) => (
        <li key={contact.id}>
          <ContactText contact={contact} />
          <button type="button" disabled={props.isBusy} onClick={() => props.onChosen(contact)}>
            {t("choose.log")}
            <span class="unseen"> {contact.name}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function Search({ isBusy, onChosen }: Choosing) {
  const { identity } = usePage();
  const [query, setQuery] = useState("");
  const [found, setFound] = useState<readonly Contact[] | null>(null);
  const work = useWork();
  const search = () =>
    work.run(async () => {
      const request = { ...identity, query: query.trim(), pageSize: 20 };
      setFound((await contacts.searchContacts(request, WAIT)).contacts);
    });
  return (
    <section>
      <h2>{t("choose.search")}</h2>
      <form class="inline" onSubmit={(event) => (event.preventDefault(), void search())}>
        <Field label={t("name")} type="search" value={query} onChange={setQuery} longest={256} />
        <button type="submit" disabled={work.isBusy || !query.trim()}>
          {t("search")}
        </button>
      </form>
      <Trouble problem={work.problem} />
      {found?.length === 0 && <p>{t("choose.nobody")}</p>}
      {found && <ContactList contacts={found} isBusy={isBusy} onChosen={onChosen} />}
    </section>
  );
}

function Create({ log, isBusy, onChosen }: Choosing) {
  const { identity } = usePage();
  const party = otherParty(log.call);
  const [name, setName] = useState(party?.name ?? "");
  const [phoneNumber, setNumber] = useState(party?.phoneNumber ?? "");
  const [contactType, setType] = useState("");
  const [company, setCompany] = useState("");
  const [email, setEmail] = useState("");
  // The same values have the same id, so a repeat after a lost answer makes no second contact.
  const requestId = useMemo(() => crypto.randomUUID(), [name, phoneNumber, contactType, company, email]);
  const [existing, setExisting] = useState(false);
  const work = useWork();
  const create = (allowDuplicate: boolean) =>
    work.run(async () => {
      const contact = { name, phoneNumber, contactType, company, email, allowDuplicate };
      try {
        const answer = await contacts.createContact({ ...identity, requestId, ...contact }, WAIT);
        onChosen(answer.contact!, true);
      } catch (error) {
        if (problemOf(error).reason !== "CONTACT_ALREADY_EXISTS") throw error;
        setExisting(true);
      }
    });
  const wrong = work.problem?.fields ?? {};
  return (
    <section>
      <h2>{t("create.title")}</h2>
      <form onSubmit={(event) => (event.preventDefault(), void create(false))}>
        <Field label={t("name")} value={name} onChange={setName} required wrong={wrong.name} longest={256} />
        <Field label={t("number")} value={phoneNumber} onChange={setNumber} wrong={wrong.phone_number} longest={256} />
        <Field label={t("company")} value={company} onChange={setCompany} wrong={wrong.company} longest={256} />
        <Field label={t("email")} type="email" value={email} onChange={setEmail} wrong={wrong.email} longest={256} />
        <Field label={t("contact_type")} value={contactType} onChange={setType} wrong={wrong.contact_type} longest={64} />
        <Trouble problem={work.problem} />
        <button type="submit" class="main" disabled={isBusy || work.isBusy || !name.trim()}>
          {t("create.do")}
        </button>
      </form>
      {existing && (
        <Existing
          number={phoneNumber}
          isBusy={isBusy || work.isBusy}
          onChosen={(contact) => onChosen(contact)}
          onAnyway={() => void create(true)}
        />
      )}
    </section>
  );
}

/** The contacts that have the number already: one of them, or a new one all the same. */
function Existing(props: {
  number: string;
  isBusy: boolean;
  onChosen: (contact: Contact) => void;
  onAnyway: () => void;
}) {
  const { identity } = usePage();
  const request = { ...identity, phoneNumbers: [props.number], skipCache: true };
  const found = useRead(() => contacts.findContact(request, WAIT), [props.number]);
  return (
    <div class="confirm" role="group" aria-label={t("create.exists")}>
      <p role="alert">{t("create.exists")}</p>
      <Trouble problem={found.problem} onRetry={found.reload} />
      <ContactList
        contacts={(found.answer?.matches ?? []).map((match) => match.contact!)}
        isBusy={props.isBusy}
        onChosen={props.onChosen}
      />
      <button type="button" disabled={props.isBusy} onClick={props.onAnyway}>
        {t("create.anyway")}
      </button>
    </div>
  );
}
