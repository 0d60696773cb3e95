"""Words that tell a company or an institution from a person: `ACME PLUMBING`, `JOES PIZZA`, `ROE & SONS`.

Words that are surnames or given names as often are left out: HALL, STONE, GRANT.
"""

import re
from typing import Final

from leadline_server.domain.word_lists import listed

LEGAL_FORMS: Final = listed(
    "inc|incorporated|llc|llp|lllp|pllc|lp|ltd|limited|corp|corporation|co|company|companies|pc|plc|gmbh|bv|nv|oy|kg",
    "sarl|sas|srl|ltda|cie|ltee|ulc|dba",
)
_TRADES: Final = listed(
    "academy|accounting|adjusters|ads|advertising|advisors|advisory|agencies|agency|agri|air|airlines|airport|alarm",
    "alliance|allstate|amazon|ambulance|america|american|analytics|animal|antiques|apartments|apparel|appliance",
    "appliances|appraisal|appraisals|arena|arms|arts|assembly|asset|assets|assoc|associates|association|athletic",
    "attorney|attorneys|auction|authority|auto|autobody|automotive|aviation|awards|bail|bakery|bank|banking|bar",
    "barbecue|bath|bbq|beauty|bedding|benefits|beverage|bicycle|bike|bikes|bistro|board|boats|body|books|boutique",
    "brewery|brewing|bridal|broadcasting|brokerage|brokers|bros|brothers|builders|building|bureau|burger|burgers",
    "business|cab|cabinets|cable|cafe|cafeteria|campground|canada|cancer|capital|car|cardiology|cards|care|carpentry",
    "carpet|carpets|cars|carwash|casino|catering|cellular|cement|cemetery|center|centers|centre|chamber|charter",
    "chemical|chevrolet|child|childcare|children|childrens|chimney|chiro|chiropractic|chrysler|cinema|city|claims",
    "clean|cleaners|cleaning|clinic|clinical|clothing|club|coffee|collection|collections|college|collision|comcast",
    "comm|commerce|commercial|commission|committee|communications|community|computer|computers|concepts|concrete",
    "condos|conference|connection|connections|construction|consultants|consulting|contracting|contractor|contractors",
    "control|cooling|coop|cooperative|cosmetics|costco|council|counseling|county|courier|creations|creative|credit",
    "cuisine|customs|cycles|dairy|dance|data|daycare|dealer|dealership|decor|deli|delivery|dental|dentist|dentistry",
    "department|depot|dept|dermatology|design|designs|development|diagnostic|digital|diner|dining|direct|discount",
    "dispatch|distribution|distributors|district|doctors|dodge|door|doors|drug|drugs|drywall|eatery|education",
    "electric|electrical|electronics|elementary|elevator|embassy|emergency|energy|engineering|engineers|enterprise",
    "enterprises|entertainment|environmental|equipment|equity|escrow|estate|estates|events|excavating|exchange",
    "express|exterminating|eye|fabrics|facility|family|farm|farmers|farms|fashion|fashions|fedex|fence|fencing",
    "fertility|film|films|finance|financial|fire|firm|fitness|flooring|floors|florist|flowers|food|foods|footwear",
    "foundation|franchise|freight|fuel|fund|funding|funeral|furniture|gallery|games|garage|garden|gardens|gas|gastro",
    "gear|generators|gifts|global|golf|google|gourmet|gov|government|govt|graphics|grill|grille|grocery|group|groups",
    "guild|gym|hair|hardware|health|healthcare|hearing|heating|high|hilton|hobby|holdings|home|homecare|homes|honda",
    "hospice|hospital|hotel|hotels|housing|hvac|hyatt|ice|imaging|imports|indoor|industrial|industries|infusion|inn",
    "innovations|inns|ins|institute|insulation|insurance|interiors|international|internet|intl|inventory",
    "investigations|investment|investments|investors|irrigation|jewelers|jewelry|kennel|kennels|kitchens|lab|labor",
    "laboratories|laboratory|labs|landscape|landscaping|language|laundromat|laundry|league|learning|leasing|legal",
    "lending|library|lighting|limo|limousine|linen|liquor|liquors|locksmith|lodge|logistics|lounge|lumber|machine",
    "machinery|maids|mall|management|manufacturing|marine|maritime|market|marketing|markets|marriott|masonry|massage",
    "materials|mattress|meats|mechanical|media|medical|medicine|memorial|mental|metal|metals|mfg|mgmt|military|mill",
    "ministries|ministry|mobile|mortgage|mortgages|motel|motor|motors|motorsports|movers|moving|municipal|museum",
    "music|mutual|nails|national|nations|natural|network|networks|neurology|news|newspaper|nissan|notary|nursery",
    "nursing|nutrition|office|offices|oil|oncology|online|optical|optometry|orchard|orthodontics|orthopedic",
    "orthopedics|outdoor|outfitters|outlet|packaging|paint|painting|palace|paper|parking|partners|partnership|parts",
    "party|pavers|paving|pawn|payroll|pediatric|pediatrics|performance|pest|pet|petroleum|pets|pharmaceuticals",
    "pharmacy|phone|photo|photography|photos|physical|physicians|pizza|pizzeria|plastics|plumbing|podiatry|police",
    "pools|power|practice|precision|preschool|press|printing|prints|produce|production|productions|products",
    "professional|professionals|program|project|promotions|properties|property|psychiatry|psychology|pub",
    "publishing|pump|quality|racing|radiator|radio|radiology|railroad|ranch|realtor|realtors|realty|recovery",
    "recreation|recruiting|recycling|refrigeration|regional|rehab|rehabilitation|remodeling|renovations|rental",
    "rentals|repair|repairs|research|residence|resort|resorts|resource|resources|restaurant|restaurants|restoration",
    "retail|retirement|roofing|rooter|rugs|rv|safety|sales|salon|salvage|sanitation|satellite|savings|school|schools",
    "sciences|scientific|seafood|security|seminary|septic|server|service|services|sewer|sheraton|sheriff|sheriffs",
    "shipping|shoes|shop|shoppe|shops|siding|signs|skin|smiles|society|software|solar|solution|solutions|sons",
    "specialist|specialists|specialties|sporting|sports|sprint|square|stadium|staffing|stamps|states|station|steak",
    "steakhouse|steel|storage|store|stores|strategies|studio|studios|supermarket|supplies|supply|support|surgery",
    "surgical|surveying|sushi|svc|svcs|system|systems|tack|tailor|tanning|target|tax|taxi|tech|technical",
    "technologies|technology|telecom|telephone|television|therapy|thrift|tile|tire|tires|title|tobacco|tool|tools",
    "tours|towing|township|toyota|toys|trade|traders|trading|trailer|trailers|training|trans|transit|transmission",
    "transport|transportation|travel|treasures|tree|tribe|truck|trucking|trucks|tutoring|uniforms|united|univ",
    "university|upholstery|urgent|urology|usa|utilities|utility|vacations|vacuum|valley|verizon|vet|veterans",
    "veterinary|video|village|villas|vision|volunteer|walgreens|walmart|warehouse|waste|water|wealth|web|welding",
    "wellness|wholesale|widgets|window|windows|wine|wines|wireless|womens|works|workshop|world|worldwide|yacht|ymca",
    "yoga|youth|zoo",
)
COMPANY_WORDS: Final = LEGAL_FORMS | _TRADES
"""In lower case."""

_WORD: Final = re.compile(r"[^\W_]+")
_POSSESSIVE: Final = re.compile(r"['\u2019]S\b", re.IGNORECASE)


def is_company(name: str) -> bool:
    """Whether a name has a company word, `&`, `+`, a possessive ("JOE'S PIZZA"), or a digit."""
    if "&" in name or "+" in name or _POSSESSIVE.search(name) or any(char.isdecimal() for char in name):
        return True
    return not COMPANY_WORDS.isdisjoint(_WORD.findall(name.casefold()))
